"""What config.toml asks for: water's potentials, and the molecules around one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gapsample.potential.tip3p import FlexibleTIP3P
from gapsample.qmmm import Layer, Scene
from gapsample.qmmm.distances import distance_to


def classical(platform: str = "CPU") -> FlexibleTIP3P:
    """Flexible TIP3P; on one thread (OPENMM_CPU_THREADS=1) the platform CPU repeats itself bit for bit."""
    return FlexibleTIP3P(platform=platform)


@dataclass(frozen=True)
class Shell:
    """A criterion: one molecule and those near it, by the distance of oxygens.

    Attributes
    ----------
    molecule : number of the molecule in the middle
    enter, leave : Å; molecules nearer than `enter` come in, and leave again beyond `leave`
    """

    molecule: int
    enter: float
    leave: float

    def __call__(self, scene: Scene) -> Layer:
        middle = np.zeros(len(scene.atoms), bool)
        middle[3 * self.molecule] = True
        distance = np.where(scene.atoms.numbers == 8, distance_to(scene.atoms, middle, self.leave), np.inf)
        return Layer(distance < self.enter, distance < self.leave)


def shell(molecule: int, enter: float, leave: float) -> Shell:
    """A `Shell`."""
    return Shell(molecule, enter, leave)
