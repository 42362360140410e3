"""Labels as linear observations of the weights: rows, targets and noise of one configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.database import Label
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.potential.protocol import Potential
from gapsample.potential.recipe import Recipe, Sigmas
from gapsample.potential.terms.protocol import Term

Floats = NDArray[np.float64]
LOWER = np.tril_indices(3)  # the six independent components of a virial


@dataclass(frozen=True)
class Observations:
    """What one configuration teaches: ``rows @ alpha = targets`` with noise `sigmas`.

    Attributes
    ----------
    rows : shape (n, M); targets, sigmas : shape (n,)
    kinds : shape (n,), ``"e"``, ``"f"`` or ``"v"``
    """

    rows: Floats
    targets: Floats
    sigmas: Floats
    kinds: NDArray[np.str_]


def observe(
    atoms: Atoms,
    label: Label,
    terms: Sequence[Term],
    e0: Mapping[int, float],
    baseline: Potential | None,
    recipe: Recipe,
) -> Observations:
    """Energy, forces of trusted atoms, and virial of one label, as far as it has them and sigmas ask.

    Energy and virial sigmas of the recipe are per atom and grow with sqrt(n_atoms) (gap_fit's
    ``kernel_regularisation_is_per_atom``); sigmas of the label are absolute.
    """
    noise = recipe.config_type_sigmas.get(label.config_type, recipe.sigmas)
    has_energy, has_forces, has_virial = learned(label, noise)
    near = find_neighbours(atoms, recipe.cutoff)
    below = None
    if baseline is not None:
        below = baseline.evaluate(atoms, forces=has_forces or has_virial, virial=has_virial)
    parts = [term.rows(near.within(term.cutoff), forces=has_forces, virial=has_virial) for term in terms]
    root = np.sqrt(len(atoms))
    rows, targets, sigmas, kinds = [], [], [], []
    if has_energy and label.energy is not None:
        rest = sum(e0[z] for z in atoms.numbers.tolist()) + (0.0 if below is None else below.energy)
        rows.append(np.concatenate([part.energy for part in parts])[None])
        targets.append(np.array([label.energy - rest]))
        sigmas.append(np.array([label.energy_sigma or _times(noise.energy, root)]))
        kinds.append("e")
    if has_forces and label.forces is not None:
        trusted = np.ones(len(atoms), dtype=bool) if label.trusted is None else label.trusted
        force = label.forces - (0.0 if below is None or below.forces is None else below.forces)
        block = np.concatenate([part.forces for part in parts if part.forces is not None], axis=2)
        rows.append(block[trusted].reshape(-1, block.shape[2]))
        targets.append(force[trusted].ravel())
        per_atom = np.full(len(atoms), label.force_sigma or noise.force or 0.0)
        if label.force_atom_sigma is not None:
            per_atom = label.force_atom_sigma
        sigmas.append(np.repeat(per_atom[trusted], 3))
        kinds.append("f")
    if has_virial and label.virial is not None:
        virial = label.virial - (0.0 if below is None or below.virial is None else below.virial)
        block = np.concatenate([part.virial for part in parts if part.virial is not None], axis=2)
        rows.append(block[LOWER])
        targets.append(virial[LOWER])
        sigmas.append(np.full(6, label.virial_sigma or _times(noise.virial, root)))
        kinds.append("v")
    if not rows:
        width = sum(term.n_sparse for term in terms)
        return Observations(np.empty((0, width)), np.empty(0), np.empty(0), np.empty(0, dtype=str))
    counts = [len(target) for target in targets]
    return Observations(
        np.concatenate(rows), np.concatenate(targets), np.concatenate(sigmas), np.repeat(kinds, counts)
    )


def learned(label: Label, noise: Sigmas) -> tuple[bool, bool, bool]:
    """Whether energy, forces and virial of a label enter the fit."""
    own_force = label.force_sigma is not None or label.force_atom_sigma is not None
    return (
        label.energy is not None and (noise.energy is not None or label.energy_sigma is not None),
        label.forces is not None and (noise.force is not None or own_force),
        label.virial is not None and (noise.virial is not None or label.virial_sigma is not None),
    )


def _times(sigma: float | None, root: float) -> float:
    return 0.0 if sigma is None else sigma * root
