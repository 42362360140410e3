"""A run of a system in a process of its own, to be killed: ``python system_process.py FOLDER N_THREADS``."""

import sys
import time

import numpy as np

from gapsample import nested
from gapsample.nested.ensembles import Pressure
from gapsample.nested.models import Einstein
from gapsample.nested.moves import Moves
from gapsample.nested.system import System
from gapsample.sampling import loop
from gapsample.sampling.executors import threads

SPRINGS = Einstein(np.full((3, 3), 0.5), np.full((3, 3), 2.0), {"Au": 0.3})
MOVES = Moves(galilean=1, hmc=1, volume=1, shear=1, stretch=1, swap=1, transmute=1)
SYSTEM = System(
    "Cu2Au",
    SPRINGS,
    Pressure(0.05, 40.0, 2.0),
    MOVES,
    chemical_potentials={"Cu": 0.0, "Au": 0.1},
    largest_kinetic=20.0,
    core=0.5,
)
SETTINGS = nested.Settings(n_live=20, n_cull=2, walk_length=2, shortest_walk=2, longest_walk=4, keep_every=7)


def sample(folder: str | None, n_threads: int = 1, pause: float = 0.0, resume: bool = False) -> nested.Result:
    """Run to the end, slowly if asked, so that there is time to be killed."""

    def linger(state: object, n_steps: int) -> None:
        time.sleep(pause)

    return nested.run(
        SYSTEM,
        SETTINGS,
        seed=5,
        lowest_kT=1.0,
        folder=folder,
        resume=resume,
        until=linger,
        executor=threads(n_threads) if n_threads > 1 else None,
        n_workers=n_threads,
        checkpoint_every=loop.Every(steps=3),
    )


if __name__ == "__main__":
    sample(sys.argv[1], int(sys.argv[2]), pause=0.01, resume=True)
