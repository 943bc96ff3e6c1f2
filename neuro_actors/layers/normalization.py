"""Layers that compare the features of one position: layer normalisation, softmax."""

from __future__ import annotations

import math

from ..support.errors import NetworkError
from ..support.scalars import as_number, got
from ..support.validation import as_flag
from .builder import builder
from .collect import join
from .layer import Layer, as_layer, choose_name, interneurons
from .parts import neurons, numbered, only


@builder
def layer_norm(
    x: Layer, *, epsilon: float = 1e-5, affine: bool = True, name: str | None = None
) -> Layer:
    """Return the features of each position with mean 0 and variance 1 (Ba, Kiros, Hinton 2016).

    One neuron says their mean, some their squared differences from it, one 1 / √(variance +
    epsilon); all of these are frozen. Interneurons multiply. Then each feature has a neuron of its
    own, with a weight that is 1 at first, and a bias.

    Args:
        x: A layer.
        epsilon: What is added to the variance.
        affine: Whether each feature has a weight and a bias at the end.
        name: The name of the layer. None: norm1, ….

    Raises:
        NetworkError: x is no layer, or `epsilon` is no number from 0 on.
    """
    name = choose_name("norm", name, as_layer(x))
    affine = as_flag("affine", affine)
    if not 0 <= as_number(epsilon) < math.inf:
        raise NetworkError(f"epsilon must be a number from 0 on, got {got(epsilon)}")
    share = 1.0 / len(x)
    mean = neurons(
        f"{name}.mean",
        [x],
        [[(id, share) for id in x.ids]],
        bias=None,
        label=only(f"{name}.mean"),
    )
    from_mean = [[(id, 1.0), (mean.ids[0], -1.0)] for id in x.ids]
    apart = neurons(
        f"{name}.apart", [x, mean], from_mean, bias=None, label=numbered(f"{name}.apart")
    )
    squares = neurons(
        f"{name}.square", [x, mean], from_mean, "square", bias=None,
        label=numbered(f"{name}.square"),
    )  # fmt: skip
    scale = neurons(
        f"{name}.scale", [squares], [[(id, share) for id in squares.ids]], "rsqrt",
        bias=as_number(epsilon), frozen=True, label=only(f"{name}.scale"),
    )  # fmt: skip
    last = interneurons(
        f"{name}.normal", "product", [apart, scale], [[id, scale.ids[0]] for id in apart.ids],
        label=numbered(f"{name}.normal" if affine else f"{name}."),
    )  # fmt: skip
    if affine:
        last = neurons(f"{name}.out", [last], [[(id, 1.0)] for id in last.ids], learns=True,
                       label=numbered(f"{name}."))  # fmt: skip
    return join(name, "norm", last, [x])


@builder
def softmax(x: Layer, *, name: str | None = None) -> Layer:
    """Return the softmax of the features of each position: e^(x_k - ln Σ e^x_i).

    One interneuron says ln Σ e^x_i, by `logsumexp`, so that nothing overflows. Frozen neurons take
    it from each feature, and say e to the power of what is left.

    Args:
        x: A layer.
        name: The name of the layer. None: softmax1, ….

    Raises:
        NetworkError: x is no layer.
    """
    name = choose_name("softmax", name, as_layer(x))
    total = interneurons(f"{name}.total", "logsumexp", [x], [x.ids], label=only(f"{name}.total"))
    less = [[(id, 1.0), (total.ids[0], -1.0)] for id in x.ids]
    last = neurons(name, [x, total], less, "exp", bias=None)
    return join(name, "softmax", last, [x])
