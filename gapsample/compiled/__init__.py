"""Loops that know arrays only; the one place where numba lives."""
