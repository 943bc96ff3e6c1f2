"""A neural network as a society of independent actors, which computes exact gradients by messages.

Every neuron is a task that knows its own synapses alone. Activations go forward, urgencies go back,
and the gradients that arise are those of a matrix computation. All public names are here:

    >>> import neuro_actors as na
    >>> net = na.Network.layered([2, 8, 1], seed=1)
    >>> x, targets = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    >>> result = na.train(
    ...     net, x, targets, "sigmoid_cross_entropy", optimizer=na.Adam(0.05), epochs=100,
    ...     log=na.Recording("xor.arrows", overwrite=True),
    ... )
    >>> print(f"{result.history[-1].accuracy:.0%}")
    100%

`na.show("xor.arrows")` shows that run in a notebook, `neuro-actors view xor.arrows` in a browser.
`neuro-actors demo` is a first look without code: a run of seconds, and a page that shows it.
`help(na.train)` explains one name, `neuro-actors --help` the command line. The documentation, with
a notebook that takes ten minutes:
https://github.com/neuro-actors/neuro-actors/blob/main/docs/index.md

The folders, each of which imports from earlier ones: `kernel` (sums, in C where it can be),
`support` (errors, checks), `datasets`, `network` (what a society is made of), `layers` (networks by
layers), `neuron` (the local rule), `channels` and `rules`, `society` (neurons as tasks) and `log`,
`cluster` (many processes), `trace` and `viewer`, `simulation` (step after step), `proof` (is it
exact?), `cli`. To read the code, start in `neuron/local_rule.py`, then `society/actor.py`.
"""

import typing as _typing

from . import datasets, kernel, layers, rules
from .channels.unreliable import faults
from .channels.unreliable.settings import Unreliable
from .cluster.partition import Partition, partition
from .cluster.ray import Ray
from .log import Recording, open_log
from .network import field
from .network.elements import Delay, Input, Interneuron, Neuron, Synapse
from .network.functions import (
    ACTIVATIONS,
    COMBINATIONS,
    LOSSES,
    Activation,
    Combination,
    Loss,
    add_activation,
    add_combination,
    add_loss,
)
from .network.gradient import Gradient, StepResult
from .network.network import Network
from .neuron.optimizers import SGD, Adam, CosineDecay, StepDecay
from .proof import reference
from .proof.audit.audit import audit
from .proof.audit.report import Audit
from .simulation.blocking import gradient, hessian_vector_product, predict
from .simulation.history import Epoch
from .simulation.opening import open_simulation
from .simulation.simulation import Simulation
from .simulation.train import TrainingResult, resume, train
from .support.errors import (
    BoundError,
    CheckpointError,
    InputError,
    LogError,
    MessageError,
    NetworkError,
    NeuroActorsError,
    SimulationError,
)
from .support.hints import missing_attribute as _missing_attribute
from .support.version import __version__ as __version__
from .trace.result import Trace
from .trace.trace import trace
from .viewer.notebook import show

__all__ = [
    "ACTIVATIONS",
    "COMBINATIONS",
    "LOSSES",
    "SGD",
    "Activation",
    "Adam",
    "Audit",
    "BoundError",
    "CheckpointError",
    "Combination",
    "CosineDecay",
    "Delay",
    "Epoch",
    "Gradient",
    "Input",
    "InputError",
    "Interneuron",
    "LogError",
    "Loss",
    "MessageError",
    "Network",
    "NetworkError",
    "NeuroActorsError",
    "Neuron",
    "Partition",
    "Ray",
    "Recording",
    "Simulation",
    "SimulationError",
    "StepDecay",
    "StepResult",
    "Synapse",
    "Trace",
    "TrainingResult",
    "Unreliable",
    "add_activation",
    "add_combination",
    "add_loss",
    "audit",
    "datasets",
    "faults",
    "field",
    "gradient",
    "hessian_vector_product",
    "kernel",
    "layers",
    "open_log",
    "open_simulation",
    "partition",
    "predict",
    "reference",
    "resume",
    "rules",
    "show",
    "trace",
    "train",
]


def __dir__() -> list[str]:
    """Show the public names and nothing else."""
    return __all__


if not _typing.TYPE_CHECKING:  # a type checker refuses unknown names by itself

    def __getattr__(name: str) -> object:
        problem = f"module {__name__!r} has no attribute {name!r}"
        raise _missing_attribute(__name__, name, problem, __all__)
