"""A neural network as a society of independent actors, which computes exact gradients by messages alone."""

from . import faults, reference, rules
from .audit import Audit, audit
from .channels.unreliable import Unreliable
from .course import Epoch
from .elements import Input, Neuron, Synapse
from .errors import CheckpointError, InputError, LogError, MessageError, NetworkError, NeuroActorsError, SimulationError
from .functions import ACTIVATIONS, LOSSES, Activation, Loss, add_activation, add_loss
from .gradient import Gradient, StepResult
from .learning import SGD, Adam, CosineDecay, StepDecay
from .log import Recording, open_log
from .machines.partition import Partition, partition
from .machines.ray import Ray
from .network import Network
from .opening import open_simulation
from .simulation import Simulation
from .synchronous import gradient, hessian_vector_product, predict
from .trace import Trace, trace
from .training import TrainingResult, resume, train
from .viewer.notebook import show

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "SGD",
    "Activation",
    "Adam",
    "Audit",
    "CheckpointError",
    "CosineDecay",
    "Epoch",
    "Gradient",
    "Input",
    "InputError",
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
    "add_loss",
    "audit",
    "faults",
    "gradient",
    "hessian_vector_product",
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
