from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

def weighted_sum(weights: Numbers, rows: Numbers, /) -> Numbers: ...
def sum_of_rows(rows: Numbers, /) -> Numbers: ...
def mean_products(rows: Numbers, values: Numbers, out: Numbers, positions: int = 1, /) -> None: ...
def spread(weights: Numbers, values: Numbers, out: Numbers, /) -> None: ...
def all_finite(values: Numbers, /) -> bool: ...
def connect(name: str, object: object, /) -> None: ...

FUNCTIONS: tuple[str, ...]

class Cell:
    fire: Callable[..., None]
    respond: Callable[..., None]
    conclude: Callable[..., None]
