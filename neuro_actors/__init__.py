"""A neural network as a society of independent actors, which computes exact gradients by messages alone."""

from . import reference
from .elements import Input, Neuron, Synapse
from .errors import InputError, LogError, MessageError, NetworkError, NeuroActorsError, SimulationError
from .functions import ACTIVATIONS, LOSSES, Activation, Loss, add_activation, add_loss
from .gradient import Gradient, StepResult
from .learning import SGD, Adam, CosineDecay, StepDecay
from .network import Network
from .opening import open_simulation
from .simulation import Simulation
from .synchronous import gradient, predict
from .training import Epoch, TrainingResult, train

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "SGD",
    "Activation",
    "Adam",
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
    "Simulation",
    "SimulationError",
    "StepDecay",
    "StepResult",
    "Synapse",
    "TrainingResult",
    "add_activation",
    "add_loss",
    "gradient",
    "open_simulation",
    "predict",
    "reference",
    "train",
]
