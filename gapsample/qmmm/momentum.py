"""What mixing does to the total momentum, undone."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gapsample.qmmm.region import Region

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

Share = Literal["core", "quantum", "all"]


def restoring(net: Floats, masses: Floats, chosen: Bools) -> Floats:
    """Forces whose sum is `-net`, on the chosen atoms by mass (one acceleration for all), shape (n_atoms, 3).

    Parameters
    ----------
    net : shape (3,), eV/Å, the sum of what mixing adds to classical forces
    masses : shape (n_atoms,), amu
    chosen : shape (n_atoms,), not empty

    References
    ----------
    Bernstein, Kermode & Csányi, Rep. Prog. Phys. 72, 026501 (2009), sec. 4.
    """
    share = np.where(chosen, masses, 0.0)
    return -np.outer(share / share.sum(), net)


def carriers(region: Region, share: Share) -> Bools:
    """The atoms that carry the correction; where that set is empty the next larger one that is not."""
    everything = np.ones(region.n_atoms, bool)
    sets = {"core": region.core, "quantum": region.quantum, "treated": region.treated, "all": everything}
    names = list(sets)
    return next(sets[name] for name in names[names.index(share) :] if sets[name].any())
