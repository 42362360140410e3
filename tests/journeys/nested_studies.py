"""Small studies that end within a second."""

from __future__ import annotations

from pathlib import Path

BOX = """
[system]
kind = "pair_box"
n_atoms = 3
edge = 6.0

[potential]
kind = "lennard_jones"

[sampling]
n_live = 40
n_cull = 4
walk_length = 10
shortest_walk = 10
longest_walk = 20
seeds = 2

[stop]
lowest_temperature = 0.3
remaining = 0.01

[output]
folder = "box"
keep_every = 10
database = "box.db"
"""

CELL = """
[system]
kind = "pair_cell"
n_atoms = 2

[potential]
kind = "lennard_jones"
cutoff = 2.0

[ensemble]
pressure = [0.05, 0.2]
largest_volume = 40.0
smallest_volume = 0.8

[sampling]
n_live = 40
n_cull = 4
walk_length = 10
shortest_walk = 10
longest_walk = 20
seeds = 2

[stop]
lowest_temperature = 0.6
remaining = 0.01

[output]
folder = "cell"
keep_every = 10
database = "cell.db"
"""


def written(folder: Path, text: str) -> Path:
    """The config as a file."""
    path = folder / "study.toml"
    path.write_text(text)
    return path
