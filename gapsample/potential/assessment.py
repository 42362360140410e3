"""A potential on trial: its values beside the labels, its predicted errors beside the true ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gapsample.database import Entry
from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation, Potential
from gapsample.progress import Progress

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
UNIQUE = ((0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1))
"""Rows and columns of the six independent components of a virial, in Voigt's order."""
CERTAIN = 1e-4
"""Fraction of the root mean square predicted error below which symmetry, not the model, is at work."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One quantity, predicted and as labeled.

    Attributes
    ----------
    reference, predicted : shape (n, n_components)
    std : shape (n, n_components), predicted error; None: not asked or not known
    entry : shape (n,), which entry of the assessment each row belongs to
    """

    reference: Floats
    predicted: Floats
    std: Floats | None
    entry: Integers

    def __len__(self) -> int:
        return len(self.reference)

    @property
    def error(self) -> Floats:
        """Predicted minus reference, shape (n, n_components)."""
        return self.predicted - self.reference

    def of(self, chosen: NDArray[np.bool_]) -> Compared:
        """The rows that belong to the chosen entries, a mask of shape (n_entries,)."""
        rows = chosen[self.entry]
        std = None if self.std is None else self.std[rows]
        return Compared(self.reference[rows], self.predicted[rows], std, self.entry[rows])


@dataclass(frozen=True, eq=False)
class Assessment:
    """Predictions beside labels for a set of configurations.

    Attributes
    ----------
    ids : of the database entries
    config_types : one for each entry
    n_atoms : shape (n_entries,)
    energy : eV per atom, one component; entries without an energy are absent
    forces : eV/Å, three components; a row for each trusted atom of a labeled entry
    virial : eV per atom, six components (xx, yy, zz, yz, xz, xy)
    """

    ids: tuple[int, ...]
    config_types: tuple[str, ...]
    n_atoms: Integers
    energy: Compared
    forces: Compared
    virial: Compared


@dataclass(frozen=True)
class Row:
    """Errors of one config_type; None where nothing was labeled or no predicted error asked.

    Attributes
    ----------
    config_type : ``"all"`` for the whole set
    n_configurations, n_forces : how many were compared; forces count atoms
    energy_rmse, energy_mae : meV per atom
    force_rmse, force_mae : eV/Å, over components
    virial_rmse, virial_mae : meV per atom, over the six components
    energy_z, force_z : root mean square of error / predicted error; 1 is calibrated, 2 is twice too sure
    force_rank : Spearman correlation over atoms of the norms of predicted and true force error; as in z,
        forces fixed by symmetry do not count
    """

    config_type: str
    n_configurations: int
    n_forces: int
    energy_rmse: float | None = None
    energy_mae: float | None = None
    force_rmse: float | None = None
    force_mae: float | None = None
    virial_rmse: float | None = None
    virial_mae: float | None = None
    energy_z: float | None = None
    force_z: float | None = None
    force_rank: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The row as plain numbers and strings."""
        return asdict(self)


def assess(
    potential: Potential,
    entries: Iterable[Entry],
    *,
    error: bool = False,
    progress: Progress | None = None,
) -> Assessment:
    """Evaluate every entry and set it beside its label.

    Parameters
    ----------
    error : ask the potential for its predicted errors as well (slower)
    progress : called after every configuration

    Raises
    ------
    InputError
        If there are no entries.
    """
    entries = list(entries)
    if not entries:
        raise InputError("there is nothing to assess: no configuration was given; check level and split")
    found = []
    for i, entry in enumerate(entries):
        found.append(_ask(potential, entry, error))
        if progress is not None:
            progress("assessing", i + 1, len(entries))
    answered = list(zip(range(len(entries)), entries, found, strict=True))
    return Assessment(
        ids=tuple(entry.id for entry in entries),
        config_types=tuple(entry.label.config_type for entry in entries),
        n_atoms=np.array([len(entry.atoms) for entry in entries]),
        energy=_stack([_energy(*each) for each in answered if each[1].label.energy is not None], 1),
        forces=_stack([_forces(*each) for each in answered if each[1].label.forces is not None], 3),
        virial=_stack([_virial(*each) for each in answered if each[1].label.virial is not None], 6),
    )


def table(assessment: Assessment) -> list[Row]:
    """One row for each config_type in order of appearance, then ``"all"``."""
    types = np.array(assessment.config_types)
    rows = [_row(name, assessment, types == name) for name in dict.fromkeys(assessment.config_types)]
    return [*rows, _row("all", assessment, np.ones(len(types), dtype=bool))]


def z_scores(compared: Compared, smallest: float | None = None) -> Floats | None:
    """Error over predicted error, flat; None if unknown.

    Parameters
    ----------
    smallest : components whose predicted error is not above it are left out: forces fixed by symmetry,
        which both model and label give as rounding noise. None: `negligible(compared)`
    """
    if compared.std is None:
        return None
    smallest = negligible(compared) if smallest is None else smallest
    known = compared.std > smallest
    return compared.error[known] / compared.std[known]


def negligible(compared: Compared) -> float:
    """Predicted error below which a component is fixed by symmetry, not predicted."""
    return 0.0 if compared.std is None else CERTAIN * (_rms(compared.std) or 0.0)


def _ask(potential: Potential, entry: Entry, error: bool) -> Evaluation:
    label = entry.label
    return potential.evaluate(
        entry.atoms,
        forces=label.forces is not None or label.virial is not None,
        virial=label.virial is not None,
        error=("forces" if label.forces is not None else "local") if error else False,
    )


def _energy(i: int, entry: Entry, found: Evaluation) -> Compared:
    std = None if found.energy_std is None else np.array([[found.energy_std]])
    values = np.array([[entry.label.energy]], dtype=float), np.array([[found.energy]])
    return _per_atom(i, entry, *values, std)


def _virial(i: int, entry: Entry, found: Evaluation) -> Compared:
    if entry.label.virial is None or found.virial is None:
        raise InputError(f"the potential gives no virial for entry {entry.id}, which has one as its label")
    return _per_atom(i, entry, entry.label.virial[UNIQUE][None], found.virial[UNIQUE][None], None)


def _forces(i: int, entry: Entry, found: Evaluation) -> Compared:
    if entry.label.forces is None or found.forces is None:
        raise InputError(f"the potential gives no forces for entry {entry.id}, which has them as its label")
    trusted = slice(None) if entry.label.trusted is None else entry.label.trusted
    reference = entry.label.forces[trusted]
    std = None if found.forces_std is None else found.forces_std[trusted]
    return Compared(reference, found.forces[trusted], std, np.full(len(reference), i))


def _per_atom(i: int, entry: Entry, reference: Floats, predicted: Floats, std: Floats | None) -> Compared:
    n = len(entry.atoms)
    return Compared(reference / n, predicted / n, None if std is None else std / n, np.array([i]))


def _stack(parts: Sequence[Compared], n_components: int) -> Compared:
    if not parts:
        empty = np.zeros((0, n_components))
        return Compared(empty, empty, None, np.zeros(0, dtype=np.int64))
    stds = [part.std for part in parts if part.std is not None]
    return Compared(
        np.concatenate([part.reference for part in parts]),
        np.concatenate([part.predicted for part in parts]),
        np.concatenate(stds) if len(stds) == len(parts) else None,
        np.concatenate([part.entry for part in parts]),
    )


def _row(name: str, assessment: Assessment, chosen: NDArray[np.bool_]) -> Row:
    energy, forces, virial = (
        part.of(chosen) for part in (assessment.energy, assessment.forces, assessment.virial)
    )
    return Row(
        config_type=name,
        n_configurations=int(chosen.sum()),
        n_forces=len(forces),
        energy_rmse=_rms(1e3 * energy.error),
        energy_mae=_mean(1e3 * energy.error),
        force_rmse=_rms(forces.error),
        force_mae=_mean(forces.error),
        virial_rmse=_rms(1e3 * virial.error),
        virial_mae=_mean(1e3 * virial.error),
        energy_z=_rms(z_scores(energy, negligible(assessment.energy))),
        force_z=_rms(z_scores(forces, negligible(assessment.forces))),
        force_rank=_rank_correlation(forces, negligible(assessment.forces)),
    )


def _rms(values: Floats | None) -> float | None:
    return None if values is None or values.size == 0 else float(np.sqrt(np.mean(values**2)))


def _mean(values: Floats) -> float | None:
    return None if values.size == 0 else float(np.mean(np.abs(values)))


def _rank_correlation(forces: Compared, smallest: float) -> float | None:
    if forces.std is None:
        return None
    size = np.linalg.norm(forces.std, axis=1)
    shown = size > smallest
    predicted, true = rankdata(size[shown]), rankdata(np.linalg.norm(forces.error[shown], axis=1))
    if len(predicted) < 3 or np.ptp(predicted) == 0.0 or np.ptp(true) == 0.0:
        return None
    return float(np.corrcoef(predicted, true)[0, 1])
