"""Every exception that the package raises is one of these.

    NeuroActorsError
    ├── InputError (also a ValueError)     an argument is wrong; nothing has begun
    │   └── NetworkError                   neurons and synapses are no network
    ├── MessageError                       a neuron refused a message
    ├── SimulationError                    the run stopped: a neuron raised, a reply timed out
    │   └── WorkerConnectionError          two workers cannot exchange messages
    ├── BoundError                         a rounding bound proves nothing
    ├── LogError                           a message log cannot be written or read
    └── CheckpointError                    a checkpoint cannot be written or used

A text names the culprit, what was expected, and where it can, what to do.
"""


class NeuroActorsError(Exception):
    """The base class of all errors of this package."""


class InputError(NeuroActorsError, ValueError):
    """An argument cannot be used. It is raised before any work starts."""


class NetworkError(InputError):
    """The neurons and synapses that were given are no network."""


class MessageError(NeuroActorsError):
    """A neuron received a message that it must not accept. Its state has not changed."""


class SimulationError(NeuroActorsError):
    """The run stopped: a neuron raised an error, or a reply timed out."""


class WorkerConnectionError(SimulationError):
    """Two workers of a society cannot exchange messages, or can no longer."""


class BoundError(NeuroActorsError):
    """A rounding bound is so large that a comparison within it proves nothing."""


class LogError(NeuroActorsError):
    """A message log cannot be written or read."""


class CheckpointError(NeuroActorsError):
    """A checkpoint cannot be written, or a run cannot be resumed from it."""
