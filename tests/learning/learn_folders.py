"""A small task to learn, as files: a crystal, an engine, and a config."""

from __future__ import annotations

from pathlib import Path

import ase.io
from ase.build import bulk

ENGINE = """
from ase.calculators.lj import LennardJones

def engine(epsilon):
    return LennardJones(sigma=2.3, epsilon=epsilon, rc=4.0, ro=2.5, smooth=True)
"""
CONFIG = """
[database]
path = "labels.db"

[recipe]
e0 = { Cu = 0.0 }
split = "all"
sigmas = { energy = 0.001, force = 0.01 }

[[recipe.terms]]
kind = "distance_2b"
cutoff = 4.0
cutoff_transition_width = 0.6
theta = 0.5
n_sparse = 15

[[recipe.terms]]
kind = "soap"
cutoff = 4.0
n_max = 4
l_max = 3
cutoff_transition_width = 1.0
delta = 0.1
n_sparse = 20

[qm]
kind = "python"
file = "engine.py"
function = "engine"
settings = { epsilon = 0.2 }

[start]
files = ["cell.xyz"]
labels = 3
rattle = 0.03

[explore]
kind = "md"
temperatures = [300.0, 900.0]
steps = 300
every = 30
time_step = 2.0

[learn]
level = "LJ"
threshold = 0.2

[batch]
labels = 2
audits = 4

[stop]
force_error = 0.04
labels = 40

[output]
folder = "out"
"""
NESTED = """
[system]
kind = "system"
symbols = "Cu4"
cell = [[5.2, 0.0, 0.0], [0.0, 5.2, 0.0], [0.0, 0.0, 5.2]]
core = 1.9

[potential]
kind = "lennard_jones"
epsilon = 0.2
sigma = 2.3
cutoff = 4.0

[sampling]
n_live = 20
n_cull = 1
walk_length = 10
shortest_walk = 5

[stop]
lowest_temperature = 300.0
steps = 12

[output]
folder = "study"
"""


def written(folder: Path) -> Path:
    (folder / "engine.py").write_text(ENGINE)
    ase.io.write(folder / "cell.xyz", bulk("Cu", "fcc", a=3.61).repeat(2))
    (folder / "config.toml").write_text(CONFIG)
    return folder / "config.toml"
