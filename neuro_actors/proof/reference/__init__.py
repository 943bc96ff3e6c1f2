"""The reference: the same gradient by matrices, in one place, for any directed acyclic graph.

It shares with the actors the description of the network and the tables of functions, and nothing
else. It has derivatives instead of urgencies, matrix products (BLAS) instead of ordered sums. So
the two rarely agree to the last bit. Two bounds say how far apart rounding alone can bring them:
`bounds.py` for the gradient as a whole, `each_neuron.py` for each neuron on its own mail.

This folder imports from `network` and `support` alone. Start with `gradients.py`.

Files:

    gradients.py    `gradient` and `predict`
    bounds.py       how far rounding alone can bring two correct gradients apart
    matrices.py     a network as matrices, and its forward pass
    interneurons.py their values and partial derivatives, which depend on the example
    partials.py     the derivatives of the package's combinations, written down once more
    interneuron_rounding.py  what rounding allows an interneuron
    unroll.py       any network as a plain one: one position, one tick
    losses_of_rows.py  the loss of an example that has several rows of outputs
    propagation.py  how far errors carry, forward to signals and back to activations
    ellipsoids.py   the same in large networks, by ellipsoids that contain the errors
    rounding.py     what rounding allows one sum, function or loss
    cells.py        the numbers of a step: of each neuron at each of its positions
    step_mail.py    all messages of one step in arrays
    loss_messages.py  what the loss node should send, given what it received
    each_neuron.py  what each member should send, given what it received
    products.py     the Hessian times a direction, and its rounding bound
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ...support.hints import missing_attribute as _missing_attribute
from .gradients import gradient, predict

if TYPE_CHECKING:
    from .bounds import bound, with_bound
    from .products import hessian_vector_bound, hessian_vector_product
    from .rounding import EPS

__all__ = [
    "EPS",
    "bound",
    "gradient",
    "hessian_vector_bound",
    "hessian_vector_product",
    "predict",
    "with_bound",
]

# These files take long to import, and few programs use them.
_LATER = {
    "EPS": "rounding",
    "bound": "bounds",
    "hessian_vector_bound": "products",
    "hessian_vector_product": "products",
    "with_bound": "bounds",
}


def __getattr__(name: str) -> object:
    """Import what a name of `_LATER` is in, when it is used first."""
    if name not in _LATER:
        problem = f"module {__name__!r} has no attribute {name!r}"
        raise _missing_attribute(__name__, name, problem, __all__)
    return getattr(import_module(f".{_LATER[name]}", __name__), name)
