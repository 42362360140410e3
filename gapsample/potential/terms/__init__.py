"""The terms a GAP is made of."""
