"""QUIP models: read, written, and refused by name where they cannot be."""
