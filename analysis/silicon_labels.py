"""Quantum labels of silicon for `self_aware.py`: diamond to learn from, diamond and β-tin to be asked about.

The engine is the orthogonal tight binding of Bowler et al., J. Phys.: Condens. Matter 10, 3719 (1998), run by
quippy with k-points and electronic smearing; energies are free energies, of which the forces are gradients.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.io import write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from scipy.optimize import minimize_scalar

from gapsample.files import write_text

HERE = Path(__file__).parent
LABELS = HERE / "data" / "silicon_labels.xyz"
PARAMETERS = HERE / "data" / "silicon_tight_binding.xml"
LEVEL = "tight binding (Bowler 1998)"

SMEARING = 0.1  # eV
MESH = 22.0  # Å: k-points along a cell vector times its length
SEED = 1998
V_DIAMOND = 20.0  # Å^3 per atom, near the minimum of the engine's diamond
DIAMOND_VOLUMES = np.linspace(15.0, 25.0, 21)
BETA_TIN_VOLUMES = np.linspace(12.5, 20.0, 16)
RATTLED_BETA_TIN = np.linspace(14.5, 17.5, 8)
STEP, STEPS_APART, EQUILIBRATION = 2.0 * units.fs, 12, 3  # snapshots lie 12 steps apart, 3 are thrown away
LEARNED_MD = {300.0: 6, 900.0: 6, 1500.0: 6}  # K: snapshots
HELD_OUT_MD = {600.0: 4, 1200.0: 4}


class TightBinding(Calculator):
    """The engine as an ASE calculator: a shifted k-point mesh of even density for every cell."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's)

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = ("energy",), system_changes: Any = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        mesh = tuple(max(1, round(MESH / length)) for length in self.atoms.cell.lengths())
        engine = _quippy(mesh)
        engine.calculate(self.atoms.copy(), self.implemented_properties)
        self.results = {name: engine.results[name] for name in self.implemented_properties}


@lru_cache(maxsize=64)
def _quippy(mesh: tuple[int, ...]) -> Any:
    """Quippy's engine on half of a shifted mesh; the other half are the same points times -1."""
    from quippy.potential import Potential

    points = []
    for index in itertools.product(*map(range, mesh)):
        opposite = tuple(n - 1 - i for n, i in zip(mesh, index, strict=True))
        if index >= opposite:
            weight = (2 - (index == opposite)) / np.prod(mesh)
            a, b, c = ((i + 0.5) / n for n, i in zip(mesh, index, strict=True))
            points.append(f'<point weight="{weight}">{a} {b} {c}</point>')
    k_points = f'<KPoints N="{len(points)}">{"".join(points)}</KPoints>'
    parameters = PARAMETERS.read_text().replace('fermi_T="0.01"', f'fermi_T="{SMEARING}"')
    return Potential("TB Bowler", param_str=f"<params>{parameters}{k_points}</params>")


def diamond(volume: float) -> Atoms:
    """The 8-atom cubic cell at `volume` (Å^3 per atom)."""
    return bulk("Si", "diamond", a=(8.0 * volume) ** (1 / 3), cubic=True)


def beta_tin(volume: float, c_over_a: float) -> Atoms:
    """The 4-atom body-centered tetragonal cell (space group 141) at `volume` (Å^3 per atom)."""
    a = (4.0 * volume / c_over_a) ** (1 / 3)
    sites = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.25), (0.5, 0.5, 0.5), (0.5, 0.0, 0.75)]
    return Atoms("Si4", scaled_positions=sites, cell=[a, a, c_over_a * a], pbc=True)


def relaxed_beta_tin(volume: float) -> Atoms:
    """β-tin at `volume` with the engine's best c/a."""

    def energy(c_over_a: float) -> float:
        return float(_with_engine(beta_tin(volume, c_over_a)).get_potential_energy())

    found = minimize_scalar(energy, bounds=(0.45, 0.75), method="bounded", options={"xatol": 1e-3})
    return beta_tin(volume, float(found.x))


def make_labels() -> None:
    """Run the engine on every configuration and write `LABELS`; needs quippy, takes some minutes."""
    rng = np.random.default_rng(SEED)
    parts: dict[str, Callable[[], Iterator[Atoms]]] = {
        "diamond_strained": lambda: _strained(rng, 48),
        "diamond_md": lambda: _dynamics(rng, LEARNED_MD),
        "held_out_md": lambda: _dynamics(rng, HELD_OUT_MD),
        "diamond_curve": lambda: map(diamond, DIAMOND_VOLUMES),
        "beta_tin_curve": lambda: map(relaxed_beta_tin, BETA_TIN_VOLUMES),
        "beta_tin_rattled": lambda: _rattled_beta_tin(rng),
    }
    frames = [_labeled(atoms, name) for name, part in parts.items() for atoms in part()]
    text = io.StringIO()
    write(text, frames, format="extxyz")
    write_text(LABELS, text.getvalue())


def _strained(rng: np.random.Generator, n: int) -> Iterator[Atoms]:
    """8-atom cells of random volume, shape and displacements, the volumes evenly spread."""
    for volume in np.linspace(DIAMOND_VOLUMES[0], DIAMOND_VOLUMES[-1], n):
        atoms = diamond(volume)
        strain = rng.uniform(-0.03, 0.03, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        atoms.positions += rng.normal(0.0, rng.uniform(0.0, 0.15), atoms.positions.shape)
        yield atoms


def _dynamics(rng: np.random.Generator, wanted: dict[float, int]) -> Iterator[Atoms]:
    """Snapshots of Langevin dynamics of 64 atoms of diamond, one run for each temperature (K)."""
    for temperature, n_snapshots in wanted.items():
        atoms = _with_engine(diamond(V_DIAMOND * (1.0 + 1e-5 * temperature)).repeat(2))
        MaxwellBoltzmannDistribution(atoms, temperature_K=2.0 * temperature, rng=rng)
        run = Langevin(atoms, STEP, temperature_K=temperature, friction=0.02 / units.fs, rng=rng)
        for snapshot in range(EQUILIBRATION + n_snapshots):
            run.run(STEPS_APART)
            if snapshot >= EQUILIBRATION:
                yield atoms.copy()


def _rattled_beta_tin(rng: np.random.Generator) -> Iterator[Atoms]:
    for volume in RATTLED_BETA_TIN:
        atoms = relaxed_beta_tin(volume).repeat((2, 2, 2))
        atoms.positions += rng.normal(0.0, 0.08, atoms.positions.shape)
        yield atoms


def _with_engine(atoms: Atoms) -> Atoms:
    atoms.calc = TightBinding()
    return atoms


def _labeled(atoms: Atoms, config_type: str) -> Atoms:
    """A copy with qm_energy (eV), qm_forces (eV/Å) and qm_virial = -volume * stress (eV)."""
    _with_engine(atoms)
    frame = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
    frame.info["config_type"] = config_type
    frame.info["qm_energy"] = float(atoms.get_potential_energy())
    frame.info["qm_virial"] = -atoms.get_volume() * atoms.get_stress(voigt=False).ravel()
    frame.arrays["qm_forces"] = atoms.get_forces()
    return frame
