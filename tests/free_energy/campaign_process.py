"""A campaign of two particles to be killed. Usage: python campaign_process.py FOLDER"""

import sys
from pathlib import Path

from wells import Pair, pair

from gapsample.free_energy.campaign import run_windows
from gapsample.free_energy.collective_force import DistanceField
from gapsample.free_energy.samples import Window
from gapsample.free_energy.variables import Distance
from gapsample.free_energy.windows import Ensemble, Schedule
from gapsample.sampling.executors import threads

R = Distance(0, 1)
ENSEMBLE = Ensemble(Pair(), (R,), (DistanceField(R, (1,)),))
SCHEDULE = Schedule(300.0, 4.0, 0.02, n_steering=50, n_equilibration=50, n_steps=500, every=5, keep_every=25)
WINDOWS = [Window((1.4 + 0.1 * k,), (5.0,)) for k in range(16)]


def campaign(folder, executor, **changed):
    """The campaign with anything changed."""
    given = {"windows": WINDOWS, "starts": pair(), "schedule": SCHEDULE, "seed": 3, **changed}
    return run_windows(folder, ENSEMBLE, executor=executor, **given)


if __name__ == "__main__":
    with threads(2) as workers:
        campaign(Path(sys.argv[1]), workers)
