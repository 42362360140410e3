"""Every picture the package draws: functions from results to a matplotlib Figure, one style for all."""

from matplotlib.figure import Figure

from gapsample.plots.assessment import error_against_predicted, parity, running_rms, z_histogram
from gapsample.plots.house import COLORS, GUIDE, group_colors, png, style

__all__ = [
    "COLORS",
    "GUIDE",
    "Figure",
    "error_against_predicted",
    "group_colors",
    "parity",
    "png",
    "running_rms",
    "style",
    "z_histogram",
]
