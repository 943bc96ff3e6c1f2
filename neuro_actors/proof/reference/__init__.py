"""The reference: the same gradient by matrices, at one place, level by level, for any directed acyclic graph.

It shares with the actors the network's description and the tables of functions, and nothing else: derivatives instead
of urgencies, matrix products (BLAS) instead of ordered sums. So the two never agree to the last bit; `bound` says how
far apart rounding alone can bring them.
"""

from .gradients import bound, gradient, predict, with_bound
from .matrices import EPS
from .products import hessian_vector_bound, hessian_vector_product

__all__ = [
    "EPS",
    "bound",
    "gradient",
    "hessian_vector_bound",
    "hessian_vector_product",
    "predict",
    "with_bound",
]
