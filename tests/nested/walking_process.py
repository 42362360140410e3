"""A run in a process of its own, to be killed: ``python walking_process.py FOLDER N_THREADS``."""

import sys
import time

from gapsample import nested
from gapsample.sampling import loop
from gapsample.sampling.executors import threads

BOX = nested.PairBox(5, 7.0, nested.LennardJones())
SETTINGS = nested.Settings(n_live=60, n_cull=6, walk_length=30, shortest_walk=10, keep_every=7)
SEED, LOWEST_KT = 11, 0.3


def sample(folder: str | None, n_threads: int = 1, pause: float = 0.0, resume: bool = False) -> nested.Result:
    """Run to the end, slowly if asked, so that there is time to be killed."""

    def linger(state: object, n_steps: int) -> None:
        time.sleep(pause)

    executor = threads(n_threads) if n_threads > 1 else None
    return nested.run(
        BOX,
        SETTINGS,
        seed=SEED,
        lowest_kT=LOWEST_KT,
        folder=folder,
        resume=resume,
        until=linger,
        executor=executor,
        n_workers=n_threads,
        checkpoint_every=loop.Every(steps=3),
    )


if __name__ == "__main__":
    sample(sys.argv[1], int(sys.argv[2]), pause=0.02, resume=True)
