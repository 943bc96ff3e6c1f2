"""A neural network as a society of independent actors, which computes exact gradients by messages alone."""

from . import reference, training
from .errors import InputError, LogError, MessageError, NetworkError, NeuroActorsError, SimulationError
from .functions import ACTIVATIONS, LOSSES, Activation, Loss, add_activation, add_loss
from .gradient import Gradient
from .learning import SGD, Adam, CosineDecay, StepDecay
from .network import Input, Network, Neuron, Synapse
from .simulation import Simulation, StepResult, open_simulation
from .synchronous import gradient, predict
from .training import Epoch, TrainingResult, train
