"""The same model as QUIP runs it: an independent copy of the published numbers, and QUIP's answers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms

NUMBERS = """
<Bowler_params n_types="2" tailx0="2.8" cutoff="3.2" label="">
<per_type_data Z="14" n_orbs="4" n_elecs="4" E_s="-12.2" E_p="-5.75" />
<per_type_data Z="1" n_orbs="1" n_elecs="1" E_s="-8.4" />
<per_pair_data Z1="14" Z2="14" rc="3.8661" r0="2.35" n="1.9771" nc="6.8702" dc="3.8521" m="4.7104" mc="7.0531"
  H_sss="-1.938" H_sps="1.745" H_pps="3.050" H_ppp="-1.075" Vrep="3.44566" />
<per_pair_data Z1="1" Z2="1" rc="3.4" r0="1.474" n="2.6752" nc="20.0" dc="3.4" m="4.2302" mc="20.0"
  H_sss="0.0" H_sps="0.0" Vrep="0.0" />
<per_pair_data Z1="1" Z2="14" rc="3.4" r0="1.474" n="2.6752" nc="20.0" dc="3.4" m="4.2302" mc="20.0"
  H_sss="-3.834" H_sps="4.734" H_pss="0.0" Vrep="7.4399" />
</Bowler_params>
"""


class Answer(NamedTuple):
    """Internal energy (eV), its gradient's negative (eV/Å) and virial (eV) as QUIP has them."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray


def quip(atoms: Atoms, folder: Path, *, mesh: tuple[int, int, int], thermal: float) -> Answer:
    """QUIP sums even meshes straddling the zone center; `thermal` is k T in eV; every axis is periodic."""
    from quippy.potential import Potential

    numbers = folder / "bowler.xml"
    numbers.write_text(NUMBERS)
    boxed = atoms.copy()
    for axis in np.flatnonzero(~boxed.pbc):
        boxed.center(vacuum=5.0, axis=int(axis))
    sizes = " ".join(map(str, mesh))
    boxed.calc = Potential(
        f"TB Bowler k_mesh={{{sizes}}}", param_filename=str(numbers), calc_args=f"fermi_T={thermal}"
    )
    stress = boxed.get_stress(voigt=False)
    return Answer(boxed.get_potential_energy(), boxed.get_forces(), -stress * boxed.get_volume())
