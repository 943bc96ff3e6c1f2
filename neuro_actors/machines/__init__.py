"""One society on many machines: how its workers are started, and how they speak to each other."""
