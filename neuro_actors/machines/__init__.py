"""Many machines: one society on several workers. How a network is cut, and what stands in for what is elsewhere."""
