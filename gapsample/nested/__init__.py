"""Nested sampling: from a prior and an energy to partition functions, heat capacities and phase diagrams.

>>> from gapsample import nested
>>> result = nested.run(problem, nested.Settings(n_live=400), seed=1, lowest_kT=0.1)  # doctest: +SKIP
>>> curves = nested.thermodynamics(result.points, [0.1, 0.2, 0.3], rng=rng)  # doctest: +SKIP
"""

from gapsample.nested.averages import averages
from gapsample.nested.basins import Basin, disconnectivity
from gapsample.nested.diagnostics import insertion_test, memory
from gapsample.nested.eam import EmbeddedAtom
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.exchange_run import run_exchange
from gapsample.nested.export import write_anesthetic
from gapsample.nested.gap_model import GapModel
from gapsample.nested.kept import Kept, join, kept_of, read_configurations
from gapsample.nested.model_error import ModelError, model_error
from gapsample.nested.models import AnyPotential, CompiledModel, Einstein, Observer
from gapsample.nested.moves import Moves
from gapsample.nested.pair_box import PairBox
from gapsample.nested.pair_cell import PairCell
from gapsample.nested.pair_models import Mixture, PairModel
from gapsample.nested.pair_potential import LennardJones, Tabulated, morse
from gapsample.nested.peaks import Peak, peaks
from gapsample.nested.phase_diagram import PhaseDiagram, phase_diagram
from gapsample.nested.points import DeadPoints, merge
from gapsample.nested.predicted_error import PredictedError
from gapsample.nested.problem import Ceiling, Problem, Walk, Walked
from gapsample.nested.records import read_kept, read_points, read_progress
from gapsample.nested.reweighting import Reweighted, reweighted
from gapsample.nested.run import Result, run
from gapsample.nested.settings import Settings
from gapsample.nested.stop import observable_above
from gapsample.nested.structure import (
    Coordination,
    Order,
    PairDistribution,
    Resemblance,
    dominant,
    phase_indicators,
    structure,
)
from gapsample.nested.system import System
from gapsample.nested.thermodynamics import Curve, Thermodynamics, thermodynamics
from gapsample.nested.transitions import Transition, find_transitions

__all__ = [
    "AnyPotential",
    "Basin",
    "Ceiling",
    "CompiledModel",
    "Coordination",
    "Curve",
    "DeadPoints",
    "Einstein",
    "EmbeddedAtom",
    "Fixed",
    "GapModel",
    "Kept",
    "LennardJones",
    "Mixture",
    "ModelError",
    "Moves",
    "Observer",
    "Order",
    "PairBox",
    "PairCell",
    "PairDistribution",
    "PairModel",
    "Peak",
    "PhaseDiagram",
    "PredictedError",
    "Pressure",
    "Problem",
    "Resemblance",
    "Result",
    "Reweighted",
    "Settings",
    "System",
    "Tabulated",
    "Thermodynamics",
    "Transition",
    "Walk",
    "Walked",
    "averages",
    "disconnectivity",
    "dominant",
    "find_transitions",
    "insertion_test",
    "join",
    "kept_of",
    "memory",
    "merge",
    "model_error",
    "morse",
    "observable_above",
    "peaks",
    "phase_diagram",
    "phase_indicators",
    "read_configurations",
    "read_kept",
    "read_points",
    "read_progress",
    "reweighted",
    "run",
    "run_exchange",
    "structure",
    "thermodynamics",
    "write_anesthetic",
]
