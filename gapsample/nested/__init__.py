"""Nested sampling: from a prior and an energy to partition functions, heat capacities and transitions.

>>> from gapsample import nested
>>> result = nested.run(problem, nested.Settings(n_live=400), seed=1, lowest_kT=0.1)  # doctest: +SKIP
>>> curves = nested.thermodynamics(result.points, [0.1, 0.2, 0.3], rng=rng)  # doctest: +SKIP
"""

from gapsample.nested.diagnostics import insertion_test, memory
from gapsample.nested.export import write_anesthetic
from gapsample.nested.pair_box import PairBox
from gapsample.nested.pair_cell import PairCell
from gapsample.nested.pair_potential import LennardJones, Tabulated, morse
from gapsample.nested.peaks import Peak, peaks
from gapsample.nested.points import DeadPoints, merge
from gapsample.nested.problem import Ceiling, Problem, Walk, Walked
from gapsample.nested.records import read_kept, read_points, read_progress
from gapsample.nested.run import Result, run
from gapsample.nested.settings import Settings
from gapsample.nested.thermodynamics import Curve, Thermodynamics, thermodynamics

__all__ = [
    "Ceiling",
    "Curve",
    "DeadPoints",
    "LennardJones",
    "PairBox",
    "PairCell",
    "Peak",
    "Problem",
    "Result",
    "Settings",
    "Tabulated",
    "Thermodynamics",
    "Walk",
    "Walked",
    "insertion_test",
    "memory",
    "merge",
    "morse",
    "peaks",
    "read_kept",
    "read_points",
    "read_progress",
    "run",
    "thermodynamics",
    "write_anesthetic",
]
