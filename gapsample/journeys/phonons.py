"""Phonons of a crystal by finite displacements of a supercell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from numpy.typing import NDArray

from gapsample.journeys.relaxation import with_calculator

Floats = NDArray[np.float64]

CUBIC_FROM_FCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
"""The conventional cube in units of ASE's primitive face-centered cell; twice this is the 2x2x2 cube."""

FCC_PATH: tuple[tuple[str, tuple[float, float, float], str, tuple[float, float, float]], ...] = (
    ("Γ", (0.0, 0.0, 0.0), "X", (1.0, 0.0, 0.0)),
    ("X", (1.0, 1.0, 0.0), "K", (0.75, 0.75, 0.0)),
    ("K", (0.75, 0.75, 0.0), "Γ", (0.0, 0.0, 0.0)),
    ("Γ", (0.0, 0.0, 0.0), "L", (0.5, 0.5, 0.5)),
)
"""Straight pieces of the path Γ-X-K-Γ-L in units of 2π/a; (1, 0, 0) and (1, 1, 0) are the same point X."""


@dataclass(frozen=True, eq=False)
class Phonons:
    """Harmonic lattice dynamics of a crystal.

    Attributes
    ----------
    lattice : the `phonopy.Phonopy` object with its force constants
    supercell : the cell they were computed in, undisplaced
    """

    lattice: Any
    supercell: Atoms

    def frequencies(self, q: Floats) -> Floats:
        """Frequencies in THz at the wave vectors `q`, ascending, shape (n_q, n_modes); imaginary: negative.

        Parameters
        ----------
        q : shape (n_q, 3), Cartesian, in 1/Å without the factor 2π
        """
        self.lattice.run_qpoints(q @ self.lattice.primitive.cell.T)
        return np.sort(np.asarray(self.lattice.qpoints.frequencies), axis=1)

    def mesh_frequencies(self, n: int) -> Floats:
        """Frequencies in THz on an n x n x n grid of wave vectors that avoids Γ, shape (n^3, n_modes)."""
        steps = (np.arange(n) + 0.5) / n
        fractions = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
        return self.frequencies(fractions.reshape(-1, 3) @ np.linalg.inv(self.lattice.primitive.cell).T)


@dataclass(frozen=True)
class Bands:
    """Phonon frequencies along a path.

    Attributes
    ----------
    x : shape (n_points,), length along the path in units of 2π/a, the same for every lattice constant
    frequencies : shape (n_points, n_modes), THz, ascending; imaginary ones are negative
    ticks : position and name of the corners
    """

    x: Floats
    frequencies: Floats
    ticks: tuple[tuple[float, str], ...]


def phonons(
    primitive: Atoms, calculator: Calculator, supercell: NDArray[np.int64], *, displacement: float = 0.02
) -> Phonons:
    """Force constants from the forces on a supercell with one atom displaced; symmetry decides which.

    Parameters
    ----------
    primitive : the smallest cell of a crystal whose atoms are at rest
    supercell : shape (3, 3), its cell vectors (rows) in units of the primitive ones
    displacement : Å

    Raises
    ------
    ImportError
        Without phonopy: install ``gapsample[phonons]``.
    """
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    unit = PhonopyAtoms(
        symbols=primitive.get_chemical_symbols(),
        cell=primitive.cell[:],
        scaled_positions=primitive.get_scaled_positions(),
    )
    lattice: Any = Phonopy(unit, supercell_matrix=np.transpose(supercell), primitive_matrix="P", log_level=0)
    lattice.generate_displacements(distance=displacement)
    displaced = [_atoms(cell) for cell in lattice.supercells_with_displacements]
    lattice.forces = np.array([with_calculator(atoms, calculator).get_forces() for atoms in displaced])
    lattice.produce_force_constants()
    lattice.symmetrize_force_constants()
    return Phonons(lattice, _atoms(lattice.supercell))


def fcc_bands(vibrations: Phonons, a: float, *, spacing: float = 0.02) -> Bands:
    """Bands of a face-centered cubic crystal along Γ-X-K-Γ-L.

    Parameters
    ----------
    vibrations : of a crystal whose cubic axes are x, y and z
    a : Å, lattice constant
    spacing : of the points, in units of 2π/a
    """
    points, x, length = [], [], 0.0
    ticks = [(length, FCC_PATH[0][0])]
    for _, start, name, end in FCC_PATH:
        first, step = np.array(start), np.array(end) - np.array(start)
        fractions = np.linspace(0.0, 1.0, max(2, round(float(np.linalg.norm(step)) / spacing) + 1))
        points.append(first + fractions[:, None] * step)
        x.append(length + fractions * np.linalg.norm(step))
        length += float(np.linalg.norm(step))
        ticks.append((length, name))
    frequencies = vibrations.frequencies(np.concatenate(points) / a)
    return Bands(x=np.concatenate(x), frequencies=frequencies, ticks=tuple(ticks))


def _atoms(cell: Any) -> Atoms:
    return Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
