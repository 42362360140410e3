"""Neighbour lists and the mathematics of descriptors; nothing here knows a Gaussian process."""
