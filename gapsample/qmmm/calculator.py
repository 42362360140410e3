"""Force mixing for those who drive ASE, and for those who drive Potentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from numpy.typing import ArrayLike

from gapsample.potential.calculator import FromCalculator
from gapsample.potential.protocol import ErrorRequest, Evaluation
from gapsample.qmmm.clusters import Carving
from gapsample.qmmm.engine import Engine
from gapsample.qmmm.layers import Scene, Within
from gapsample.qmmm.mixing import ForceMixing, Mixed
from gapsample.qmmm.momentum import Share
from gapsample.qmmm.region import Region


@dataclass(frozen=True, eq=False)
class FixedRegion:
    """Force mixing with a region that does not change, as a Potential.

    Its energy is NaN where mixed forces have none (see `Mixed`), it knows no virial, and the predicted error
    is that of the classical potential where that knows one, on all atoms.
    """

    mixing: ForceMixing
    region: Region

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Mixed forces, whether asked for or not: they are what there is."""
        seen = self.mixing.mm.evaluate(atoms, forces=True, error=error)
        mixed = self.mixing.forces(atoms, self.region, seen)
        return Evaluation(mixed.energy, mixed.forces, local_std=seen.local_std, forces_std=seen.forces_std)


class ForceMixingCalculator(AseCalculator):
    """Adaptive force mixing as an ASE calculator; it remembers the region from one step to the next.

    `results` holds the forces, and as energy NaN wherever mixed forces have none: dynamics and optimizers
    that need forces only work, and logs say honestly that there is no energy.

    Parameters
    ----------
    mixing : the force mixing
    region : the region to go on from; None: none yet

    Attributes
    ----------
    mixed : the last `Mixed`, with region, quantum calculations and all; None before the first
    """

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012

    def __init__(self, mixing: ForceMixing, region: Region | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.mixing, self.region = mixing, region
        self.mixed: Mixed | None = None

    @classmethod
    def of_calculators(
        cls,
        qm_selection_mask: ArrayLike,
        qm_calc: AseCalculator,
        mm_calc: AseCalculator,
        buffer_width: float,
        *,
        vacuum: float | None = 5.0,
        momentum: Share | None = "all",
        terminate: bool = False,
    ) -> ForceMixingCalculator:
        """With the arguments of ASE's ``ForceQMMM``: a fixed region, plain mixing, no hydrogens.

        Differences: regions across periodic boundaries are right, cells may have any shape, the buffer
        follows the atoms, the net force is shared by mass, and no energy of 0 is made up.

        Parameters
        ----------
        qm_selection_mask : shape (n_atoms,), bool
        buffer_width : Å, around each quantum atom
        vacuum : Å, around the cluster in directions in which it is not periodic
        momentum : as `ForceMixing`; ``"all"`` is ASE's ``zero_mean=True``, None its False
        terminate : close cut bonds with hydrogen
        """
        mixing = ForceMixing(
            FromCalculator(mm_calc),
            Engine((FromCalculator(qm_calc),)),
            Always(Region.of(np.asarray(qm_selection_mask, dtype=bool))),
            Carving(Within(buffer_width), terminate=terminate, vacuum=vacuum),
            how="plain",
            momentum=momentum,
        )
        return cls(mixing)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """ASE's entry point: fills `results`, and moves the region on."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        current: Atoms = self.atoms  # type: ignore[assignment]
        mixed = self.mixing.step(current, self.region)
        self.mixed, self.region = mixed, mixed.region
        self.results = {"energy": mixed.energy, "free_energy": mixed.energy, "forces": mixed.forces}


@dataclass(frozen=True, eq=False)
class Always:
    """The selector that never changes its mind."""

    region: Region

    def __call__(self, scene: Scene, previous: Region | None = None) -> Region:
        return self.region
