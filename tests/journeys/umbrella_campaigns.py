"""A small campaign as a config file."""

from __future__ import annotations

from pathlib import Path

MADE = Path(__file__).with_name("pair_of_argon.py")
K = 2.0
CONFIG = f"""
[start]
kind = "python"
file = "{MADE}"
function = "pair"

[potential]
kind = "python"
file = "{MADE}"
function = "spring"
settings = {{ k = {K} }}

[[variables]]
kind = "distance"
name = "r"
atoms = [0, 1]
fragment = [1]

[windows]
kind = "grid"
n = [5]
ranges = [[2.6, 3.4]]
kappa = 2.0

[schedule]
temperature = 300.0
time_step = 4.0
friction = 0.02
n_steering = 100
n_equilibration = 50
n_steps = 1600
every = 4
keep_every = 100

[output]
folder = "out"
database = "visited.db"
"""


ADAPTIVE = """
[windows]
kind = "adaptive"
kappa = 5.0
steps = [0.2]
below = 0.15
error = 1e-12
batch = 4
most = 20

[schedule]
temperature = 300.0
time_step = 4.0
friction = 0.2
n_steering = 20
n_equilibration = 50
n_steps = 300
every = 5
keep_every = 0

[output]
folder = "grown"
"""
GROWN = CONFIG[: CONFIG.index("[windows]")] + ADAPTIVE
"""The same, with windows that grow from the start."""


def written(folder: Path, text: str = CONFIG) -> Path:
    """The config file in a folder."""
    path = folder / "config.toml"
    path.write_text(text)
    return path
