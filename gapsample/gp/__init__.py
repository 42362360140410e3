"""Gaussian processes that never heard of atoms."""
