"""Every exception the package raises is one of these."""


class NeuroActorsError(Exception):
    """The base of all errors of this package."""


class InputError(NeuroActorsError, ValueError):
    """What was handed over cannot be used; raised before any work starts."""


class NetworkError(InputError):
    """These neurons and synapses do not make a network."""


class MessageError(NeuroActorsError):
    """A neuron was sent a message that it must not accept; nothing of it has changed."""


class SimulationError(NeuroActorsError):
    """A society could not go on: a neuron failed, or an answer stayed out."""


class WorkerConnectionError(SimulationError):
    """Two workers of a society could not, or can no longer, speak to each other."""


class LogError(NeuroActorsError):
    """A message log could not be written or read."""


class CheckpointError(NeuroActorsError):
    """A checkpoint could not be written, or is none that a run can go on from."""
