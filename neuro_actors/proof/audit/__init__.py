"""The audit: every neuron of a recorded run is replayed alone, and must say and learn what the log says."""
