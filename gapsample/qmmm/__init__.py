"""Adaptive QM/MM: forces of a quantum engine where they are needed, of a potential elsewhere.

>>> from gapsample import qmmm
>>> select = qmmm.Selection((qmmm.ErrorThreshold(enter=0.3, leave=0.2),), growth=qmmm.Hops(1, 2))
>>> engine = qmmm.Engine((usual, safer), timeout=600.0)  # doctest: +SKIP
>>> mixing = qmmm.ForceMixing(gap, engine, select, qmmm.Carving(qmmm.Within(7.0)))  # doctest: +SKIP
>>> mixed = mixing.step(atoms, previous_region)  # doctest: +SKIP
"""

from gapsample.qmmm.bonds import Bonding, Bonds
from gapsample.qmmm.calculator import FixedRegion, ForceMixingCalculator
from gapsample.qmmm.carry import DeltaGap
from gapsample.qmmm.clusters import Carving, Cluster, carve
from gapsample.qmmm.engine import Answer, Engine, QuantumFailed
from gapsample.qmmm.layers import Hops, Scene, Within
from gapsample.qmmm.mixing import ClusterLabel, ForceMixing, Mixed
from gapsample.qmmm.region import Layer, Region
from gapsample.qmmm.selection import ErrorThreshold, Seeds, Selection
from gapsample.qmmm.thermodynamic_force import ThermodynamicForce
from gapsample.sampling.time_limit import InTime, TimedOut

__all__ = [
    "Answer",
    "Bonding",
    "Bonds",
    "Carving",
    "Cluster",
    "ClusterLabel",
    "DeltaGap",
    "Engine",
    "ErrorThreshold",
    "FixedRegion",
    "ForceMixing",
    "ForceMixingCalculator",
    "Hops",
    "InTime",
    "Layer",
    "Mixed",
    "QuantumFailed",
    "Region",
    "Scene",
    "Seeds",
    "Selection",
    "ThermodynamicForce",
    "TimedOut",
    "Within",
    "carve",
]
