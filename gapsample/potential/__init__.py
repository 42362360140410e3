"""Potentials: the GAP, its fit, its files, its baselines, and the way to ASE and back."""
