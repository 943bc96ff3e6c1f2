"""What to write in place of a name that users try, and that the package does not have.

Users come from other libraries: they write `net.fit(…)` or `SGD(lr=0.1)`. One table says what to
write here. It is looked at when a name is missing, so that nothing else becomes slower or changes:
`hasattr` is still False, and a type checker refuses the name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, signature
from types import MappingProxyType
from typing import NoReturn, ParamSpec, TypeVar

from .errors import InputError
from .text import did_you_mean, quote

_PREDICT, _TRAIN = "na.predict({}, x)", "na.train({}, x, targets, optimizer=na.Adam(0.01))"
_GRADIENT = "na.gradient({}, x, targets)"
_LOAD = 'network.with_parameters(**numpy.load("net.npz"))'
_SAVE = 'numpy.savez("net.npz", weights={0}.weights, biases={0}.biases)'
_SIMULATION_TRAIN = "await simulation.train_step(x, targets, optimizer=na.Adam(0.01))"
_SIMULATION_PREDICT = "await simulation.predict(x)"
_NETWORK = {
    "predict": _PREDICT,
    "predict_proba": _PREDICT,
    "forward": _PREDICT,
    "fit": _TRAIN,
    "train": _TRAIN,
    "gradient": _GRADIENT,
    "backward": _GRADIENT,
    "grad": _GRADIENT,
    "save": _SAVE,
    "dump": _SAVE,
    "load": _LOAD,
    "state_dict": "{}.to_matrices()",
    "load_state_dict": "{}.with_parameters(weights, biases)",
    "parameters": "{0}.weights and {0}.biases",
    "summary": "print({}.describe())",
    "layers": "print({}.describe())",
    "draw": "{}.plot()",
    "with_weight": "{}.with_parameters(weights, biases)",
}
_RESULT = {
    **{name: text.format("result.network") for name, text in _NETWORK.items()},
    "weights": "result.network.weights",
    "biases": "result.network.biases",
    "losses": "[epoch.loss for epoch in result.history]",
    "loss": "result.history[-1].loss",
    "accuracy": "result.history[-1].accuracy",
}
_MODULE = {
    "fit": _TRAIN.format("network"),
    "forward": _PREDICT.format("network"),
    "backward": _GRADIENT.format("network"),
    "save": _SAVE.format("network"),
    "load": _LOAD,
    "Sequential": "na.Network.layered([2, 8, 1])",
    "Linear": "na.Network.layered([2, 1])",
    "Dense": "na.Network.layered([2, 8, 1])",
    "Conv2d": "na.layers.conv2d(x, 8, kernel=3)",
    "Conv2D": "na.layers.conv2d(x, 8, kernel=3)",
    "MaxPool2d": "na.layers.max_pool(x, 2)",
    "RNN": "na.layers.rnn(x, 8)",
    "GRU": "na.layers.gru(x, 8)",
    "LSTM": "na.layers.lstm(x, 8)",
    "Embedding": "na.layers.embedding(x, 8)",
    "LayerNorm": "na.layers.layer_norm(x)",
    "Dropout": "na.layers.dropout(x, 0.1)",
    "MultiheadAttention": "na.layers.attention(x, heads=2)",
    "TransformerEncoderLayer": "na.layers.transformer_block(x, heads=2, hidden=32)",
    **dict.fromkeys(
        ("RMSprop", "RMSProp", "Adagrad", "AdaGrad", "AdamW", "Nadam"),
        "optimizer=na.Adam(0.01) or optimizer=na.SGD(0.1)",
    ),
    "Momentum": "na.SGD(0.1, momentum=0.9)",
    "softmax": 'loss="softmax_cross_entropy", which contains it',
    "plot": "na.train(...).plot()",
    "open": "na.open_log(path)",
    "demo": "neuro-actors demo in a shell",
    "Simulator": "na.open_simulation(network)",
}
# What to write, by the class or module that lacks the name.
ATTRIBUTES = MappingProxyType(
    {
        "Network": {name: text.format("network") for name, text in _NETWORK.items()},
        "TrainingResult": _RESULT,
        "Gradient": {
            "numpy": "gradient.weights and gradient.biases",
            "weight": "gradient.weights",
            "bias": "gradient.biases",
            "backward": "gradient.weights, gradient.biases: they are the derivatives",
        },
        "Simulation": {
            "fit": _SIMULATION_TRAIN,
            "train": _SIMULATION_TRAIN,
            "step": _SIMULATION_TRAIN,
            "forward": _SIMULATION_PREDICT,
            "backward": "await simulation.gradient(x, targets)",
            "close": "leave the block of `async with`",
            "weights": "(await simulation.network()).weights",
            "biases": "(await simulation.network()).biases",
        },
        "History": {
            "loss": "history[-1].loss",
            "losses": "[epoch.loss for epoch in history]",
            "accuracy": "history[-1].accuracy",
            "epochs": "len(history)",
            "history": "history[-1].loss",  # as in Keras
            "plot": "result.plot()",
        },
        "Log": {
            "show": "log.messages(step=1), or: neuro-actors log show run.arrows",
            "to_pandas": "log.messages().to_pandas()",
            "loss": "log.step(n).loss",
            "losses": "[step.loss for step in log]",
            "audit": "na.audit(log.path)",
            "trace": 'na.trace(log, weight="x0->h1.0")',
            "view": "na.show(log)",
        },
        "Dataset": {
            "X": "dataset.x",
            "data": "dataset.x",
            "inputs": "dataset.x",
            "y": "dataset.targets",
            "target": "dataset.targets",
            "labels": "dataset.targets",
            "shape": "dataset.x.shape",
        },
        "neuro_actors": _MODULE,
        "neuro_actors.rules": {
            name: f"from neuro_actors.neuron import {name}"
            for name in ("LocalRule", "NeuronRule", "LossNode", "InputRule", "NeuronState")
        },
        "neuro_actors.datasets": {
            "cats": 'na.datasets.silhouettes(28, "cat")',
            "animals": "na.datasets.silhouettes()",
            "mnist": "na.datasets.digits()",
        },
        "neuro_actors.layers": {
            "Linear": "na.layers.dense(x, 8)",
            "linear": "na.layers.dense(x, 8)",
            "AvgPool2d": "na.layers.mean_pool(x, 2)",
            "TransformerEncoderLayer": "na.layers.transformer_block(x, heads=2, hidden=16)",
            "Bidirectional": "two layers, one with reverse=True, in na.layers.concatenate(...)",
            "Sequential": "na.layers.network(y), with the last layer",
            "ReLU": 'na.layers.dense(x, 8, activation="relu")',
            "relu": 'na.layers.dense(x, 8, activation="relu")',
        },
    }
)
# What to write in place of a parameter of another library, if the function has the parameter.
PARAMETERS = MappingProxyType(
    {
        "lr": ("learning_rate", "rate", "optimizer=na.SGD(0.1)"),
        "rate": ("learning_rate", "optimizer=na.SGD(0.1)"),
        "eta": ("learning_rate", "optimizer=na.SGD(0.1)"),
        "alpha": ("learning_rate", "optimizer=na.SGD(0.1)"),
        "learning_rate": ("optimizer=na.SGD(0.1)",),
        "momentum": ("optimizer=na.SGD(0.1, momentum=0.9)",),
        "decay": ("weight_decay",),
        "l2": ("weight_decay",),
        "units": ("features",),
        "hidden_size": ("features",),
        "out_channels": ("features",),
        "shape": ("positions",),
        "bidirectional": ("reverse",),
        "eps": ("epsilon",),
        "betas": ("beta1=0.9, beta2=0.999",),
        "y": ("targets",),
        "labels": ("targets",),
        "target": ("targets",),
        "inputs": ("x",),
        "X": ("x",),
        "data": ("x",),
        "net": ("network",),
        "model": ("network",),
        "criterion": ("loss",),
        "loss_fn": ("loss",),
        "n_epochs": ("epochs",),
        "num_epochs": ("epochs",),
        "max_iter": ("epochs",),
        "steps": ("epochs",),
        "batch": ("batch_size",),
        "verbose": ("progress",),
        "validation_data": ("validation=(x, targets)",),
        "random_state": ("seed",),
        "layers": ("sizes",),
        "p": ("drop=0.1", "rate"),
        "loss": ("drop=0.1",),
        "lose": ("drop=0.1",),
        "workers": ("shards=2",),
        "n_workers": ("shards=2",),
        "num_workers": ("shards=2",),
        "hidden": ("sizes=[2, 8, 1]",),
    }
)
# What to write for a value in place of another parameter, by the value's class or its text.
VALUES = MappingProxyType(
    {
        "SGD": "optimizer=na.SGD(0.1)",
        "sgd": "optimizer=na.SGD(0.1)",
        "Adam": "optimizer=na.Adam(0.01)",
        "adam": "optimizer=na.Adam(0.01)",
        "Unreliable": "channels=na.Unreliable(drop=0.1)",
        "Ray": "engine=na.Ray(shards=2)",
        "Log": "log.path",
        **dict.fromkeys(
            ("Lose", "Kill", "DeadLink"), "channels=na.Unreliable(faults=[na.faults...])"
        ),
    }
)
EXAMPLES = MappingProxyType(
    {
        "optimizer": "optimizer=na.Adam(0.01)",
        "learning_rate": "learning_rate=0.1",
        "targets": "targets=[[0], [1]]",
        "neurons": 'neurons=[na.Input("x"), na.Neuron("y")]; or na.Network.layered([2, 8, 1])',
        "sizes": "sizes=[2, 8, 1]",
        "synapses": 'synapses=[na.Synapse("x", "y")]; or na.Network.layered([2, 8, 1])',
        "path": 'path="run.arrows"',
        "log": 'log="run.arrows"',
        "activations": 'activations=["tanh", "identity"], one for each layer',
        "biases": "biases=network.biases",
        "weight": 'weight="x0->h1.0"',
        "features": "features=8",
        "kernel": "kernel=3",
        "heads": "heads=2",
        "hidden": "hidden=16",
        "rate": "rate=0.1",
        "positions": "positions=(28, 28)",
        "reverse": "reverse=True in a second layer, and na.layers.concatenate(one, other)",
    }
)
# How to hand over a value's parts, by the value's class, where these are arguments.
PARTS = MappingProxyType(
    {
        "Activation": "its parts: value=f.value, slope=f.slope",
        "Loss": "its parts: value=f.value, slope=f.slope",
        "Combination": "its parts: value=f.value, slopes=f.slopes",
    }
)
# What to write in place of an object that is no network, but has one, by its class.
NETWORKS = MappingProxyType(
    {
        "TrainingResult": "result.network",
        "Log": "log.network_at(step)",
        "Simulation": "await simulation.network()",
        "Dataset": "na.Network.layered([...]) first, then data.x, data.targets",
    }
)
MODULES = (  # which public name a module has
    ("neuro_actors.proof.reference", "na.reference"),
    ("neuro_actors.datasets", "na.datasets"),
    ("neuro_actors.layers", "na.layers"),
    ("neuro_actors.network.field", "na.field"),
    ("neuro_actors.channels.unreliable.faults", "na.faults"),
)

OURS = __name__.partition(".")[0]
OWN = ("self", "cls")  # parameters that Python passes

_P = ParamSpec("_P")
_T = TypeVar("_T")
_C = TypeVar("_C", bound=type)


def missing_attribute(
    kind: str, name: str, problem: str, known: Sequence[str] = ()
) -> AttributeError:
    """Return the error of an attribute that is missing, with what to write in its place.

    Args:
        kind: The name of the class or module.
        name: The name of the attribute.
        problem: The text that Python would give.
        known: Names that may have been meant. Python itself guesses in a terminal alone.
    """
    hint = ATTRIBUTES.get(kind, {}).get(name)
    if hint is not None:  # Python adds no guess of its own to an error that has a name
        return AttributeError(f"{problem}: write {hint}", name=name)
    near = nearest_name(name, known)
    if near is not None:
        return AttributeError(f"{problem}: did you mean {near!r}?", name=name)
    return AttributeError(problem)


def nearest_name(name: str, known: Sequence[str]) -> str | None:
    """Return the name that is most like a wrong one; None if none is like it.

    Args:
        name: The wrong name. Names of Python's own protocols, with an underscore, have no guess.
        known: The names that exist.
    """
    if name.startswith("_") or not known:
        return None
    from difflib import get_close_matches  # for errors alone

    small = {one.lower(): one for one in known}
    near = get_close_matches(name[:128].lower(), small, n=1, cutoff=0.66)
    return small[near[0]] if near else None


def hint_for_value(value: object) -> str:
    """Return what to write for a value that was given in place of another one; or "".

    Args:
        value: What was given: one of the package's objects or classes, or a name.
    """
    kind = value if isinstance(value, type) else type(value)
    name = value if isinstance(value, str) else kind.__name__
    ours = isinstance(value, str) or kind.__module__.startswith(f"{OURS}.")
    return f"write {VALUES[name]}" if ours and name in VALUES else ""


def describe_no_network(value: object) -> str:
    """Return the text of the error for what was given in place of a network.

    Args:
        value: What was given.
    """
    kind = type(value).__name__
    problem = f"network must be an na.Network, got {kind}"
    if isinstance(value, type):
        problem = f"network must be an na.Network, got the class {value.__name__}"
        return f"{problem}: make one, such as na.Network.layered([2, 8, 1])"
    return f"{problem}: write {NETWORKS[kind]}" if kind in NETWORKS else problem


def explain_missing(self: object, name: str) -> NoReturn:
    """Raise the error of a missing attribute. It is the `__getattr__` of some classes.

    Args:
        self: The object.
        name: The name of the attribute.

    Raises:
        AttributeError: Always.
    """
    kind = next(base.__name__ for base in type(self).__mro__ if base.__name__ in ATTRIBUTES)
    problem = f"{type(self).__name__!r} object has no attribute {name!r}"
    raise missing_attribute(kind, name, problem)


def explains_arguments(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a function: a call with wrong arguments raises an error that says what to write.

    That is a call without a parameter, with an unknown one, or with too many without a name. A
    call that is right costs nothing more.

    Args:
        function: The function.
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except TypeError:
            problem = _problem_of_call(function, args, kwargs)
            if problem is None:  # it comes from within the function
                raise
        raise InputError(problem)

    return call


def explains_fields(kind: _C) -> _C:
    """Decorate a class, such as a dataclass: see `explains_arguments`.

    Args:
        kind: The class.
    """
    kind.__init__ = explains_arguments(kind.__init__)  # type: ignore[misc]
    return kind


def _problem_of_call(
    function: Callable[..., object], args: tuple[object, ...], given: Mapping[str, object]
) -> str | None:
    """Say what is wrong with the arguments of a call, or None."""
    expected = signature(function)
    try:
        expected.bind(*args, **given)
    except TypeError as error:
        problem = str(error)
    else:
        return None
    name = function.__qualname__.removesuffix(".__init__")
    home = function.__module__
    module = next((public for folder, public in MODULES if home.startswith(folder)), "na")
    parameters = {name: one for name, one in expected.parameters.items() if name not in OWN}
    n_args = len(args) - (len(expected.parameters) - len(parameters))
    return f"{module}.{name}: {_explain(args, n_args, given, parameters, problem)}"


def _explain(
    args: tuple[object, ...],
    n_args: int,
    given: Mapping[str, object],
    parameters: Mapping[str, Parameter],
    problem: str,
) -> str:
    known = list(parameters)
    for name in given:
        if name not in known:
            return f"there is no parameter {quote(name)}: {_other(name, given[name], known)}"
    without = [name for name, one in parameters.items() if one.kind is not Parameter.KEYWORD_ONLY]
    if n_args > len(without):
        return _explain_too_many(n_args, without, [name for name in known if name not in given])
    for name, example in EXAMPLES.items():
        if problem.startswith("missing") and repr(name) in problem:
            hints = (
                hint for one in args if (hint := hint_for_value(one)).startswith("write " + name)
            )
            if hint := next(hints, ""):
                return f"{problem}: {hint}"
            return f"{problem}, such as {example}"
    parts = (PARTS[kind] for one in args if (kind := type(one).__name__) in PARTS)
    if problem.startswith("missing") and (advice := next(parts, "")):
        return f"{problem}: write {advice}"
    return problem


def _explain_too_many(n_args: int, without: list[str], open_names: list[str]) -> str:
    """Say which arguments may be given without a name, and which one may have been meant."""
    got = f"got {n_args} arguments without a name, but takes {len(without) or 'none'}"
    names = f" ({', '.join(without)})" * bool(without)
    others = [name for name in open_names if name not in without]
    if not others:
        return f"{got}{names}"
    meant = next((name for name in others if name in EXAMPLES), others[0])
    return f"{got}{names}: name the others, such as {EXAMPLES.get(meant, f'{meant}=...')}"


def _other(name: str, value: object, known: list[str]) -> str:
    if name in ("hidden", "layers") and isinstance(value, str) and "activation" in known:
        return f"write activation={quote(value)}"
    for meant in PARAMETERS.get(name, ()):
        if meant.partition("=")[0] in known:
            return f"write {meant if '=' in meant else EXAMPLES.get(meant, f'{meant}=...')}"
    return did_you_mean(name, known)
