"""Free-energy surfaces by Gaussian-process regression on noisy gradients, with error bars one can bet on.

>>> from gapsample import free_energy
>>> surface = free_energy.Surface.fit(observations, periods=(2 * np.pi, 2 * np.pi))  # doctest: +SKIP
>>> value, std = surface.difference(a, b)  # doctest: +SKIP
"""

from gapsample.free_energy.adaptive import Campaign, Ending, Exploration, Plan, explore
from gapsample.free_energy.bins import Bins
from gapsample.free_energy.campaign import read_window, run_windows, write_window
from gapsample.free_energy.collective_force import AngleField, CustomField, DistanceField, TorsionField
from gapsample.free_energy.comparators import Comparison, compare
from gapsample.free_energy.densities import log_densities
from gapsample.free_energy.diagnosis import Concern, Diagnosis, diagnose
from gapsample.free_energy.estimators import collective_force_average, gradient_averages, umbrella_average
from gapsample.free_energy.export import read_plumed, to_xarray, write_npz, write_plumed
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.flat_bias import FlatBias, FlatCheck, check_flat, run_flat
from gapsample.free_energy.grid import Grid
from gapsample.free_energy.observations import GradientAverage, LogDensity, Observation
from gapsample.free_energy.paths import Path
from gapsample.free_energy.placement import Difference, SurfaceBelow
from gapsample.free_energy.plumed import read_colvar, read_input, read_windows, samples_of
from gapsample.free_energy.reconstruction import reconstruct
from gapsample.free_energy.samples import Samples, Visited, Window, WindowRun
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import (
    RMSD,
    Angle,
    Coordination,
    Custom,
    Distance,
    Linear,
    Singularity,
    Torsion,
)
from gapsample.free_energy.windows import Ensemble, Schedule, sample_window

__all__ = [
    "RMSD",
    "Angle",
    "AngleField",
    "Bins",
    "Campaign",
    "Comparison",
    "Concern",
    "Coordination",
    "Custom",
    "CustomField",
    "Diagnosis",
    "Difference",
    "Distance",
    "DistanceField",
    "Ending",
    "Ensemble",
    "Exploration",
    "FlatBias",
    "FlatCheck",
    "GradientAverage",
    "Grid",
    "Linear",
    "LogDensity",
    "Observation",
    "Options",
    "Path",
    "Plan",
    "Samples",
    "Schedule",
    "Singularity",
    "Surface",
    "SurfaceBelow",
    "Torsion",
    "TorsionField",
    "Visited",
    "Window",
    "WindowRun",
    "check_flat",
    "collective_force_average",
    "compare",
    "diagnose",
    "explore",
    "gradient_averages",
    "log_densities",
    "read_colvar",
    "read_input",
    "read_plumed",
    "read_window",
    "read_windows",
    "reconstruct",
    "run_flat",
    "run_windows",
    "sample_window",
    "samples_of",
    "to_xarray",
    "umbrella_average",
    "write_npz",
    "write_plumed",
    "write_window",
]
