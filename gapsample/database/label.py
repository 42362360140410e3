"""A label: what a quantum (or any other) calculation says about one configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Label:
    """Quantum data of one configuration, and how far to trust it.

    Attributes
    ----------
    level : level of theory, e.g. ``"PBE/500eV"``; labels of different levels are never mixed in a fit
    source : who asked for it: ``"import"``, ``"nested"``, ``"qmmm"``, ...
    config_type : group for per-group sigmas and tables, as in gap_fit
    energy : eV, total energy; None when it means nothing (a carved cluster)
    forces : shape (n_atoms, 3), eV/Å
    virial : shape (3, 3), eV, equal to -volume * stress
    trusted : shape (n_atoms,), bool; forces of the other atoms are never learned. None: all trusted
    energy_sigma, force_sigma, virial_sigma : noise of this label, absolute (eV, eV/Å, eV); they
        override the recipe's, as gap_fit's per-frame keys do
    force_atom_sigma : shape (n_atoms,), eV/Å, noise atom by atom
    extra : anything else worth keeping, JSON-able or arrays

    Raises
    ------
    InputError
        If shapes disagree, a number is NaN or infinite, or there is nothing to learn in the label.
    """

    level: str
    source: str = "import"
    config_type: str = "default"
    energy: float | None = None
    forces: Floats | None = None
    virial: Floats | None = None
    trusted: NDArray[np.bool_] | None = None
    energy_sigma: float | None = None
    force_sigma: float | None = None
    virial_sigma: float | None = None
    force_atom_sigma: Floats | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("level", "source", "config_type"):
            _check_name(name, getattr(self, name))
        if self.energy is None and self.forces is None and self.virial is None:
            raise InputError("a label needs an energy, forces or a virial; got none of them")
        for name, shape in (("forces", (-1, 3)), ("virial", (3, 3)), ("force_atom_sigma", (-1,))):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _finite_array(name, value, shape))
        for name in ("energy", "energy_sigma", "force_sigma", "virial_sigma"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _finite_number(name, value))
        for name in ("energy_sigma", "force_sigma", "virial_sigma", "force_atom_sigma"):
            value = getattr(self, name)
            if value is not None and np.any(np.asarray(value) <= 0.0):
                raise InputError(f"label {name} must be positive, got {np.min(value)}")
        if self.trusted is not None:
            object.__setattr__(self, "trusted", _mask(self.trusted))
            if self.energy is None and self.virial is None and not np.any(self.trusted):
                raise InputError("a label with forces only trusts none of them; there is nothing to learn")

    def check_matches(self, n_atoms: int) -> None:
        """Raise InputError unless every per-atom field has `n_atoms` rows."""
        for name in ("forces", "trusted", "force_atom_sigma"):
            value = getattr(self, name)
            if value is not None and len(value) != n_atoms:
                raise InputError(
                    f"label {name} has {len(value)} rows but the configuration has {n_atoms} atoms"
                )


def _check_name(field_name: str, name: object) -> None:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InputError(f"label {field_name} must be a name, e.g. 'PBE/500eV'; got {name!r}")


def _mask(value: Any) -> NDArray[np.bool_]:
    mask = np.array(value)
    if mask.ndim != 1 or not np.all((mask == 0) | (mask == 1)):
        raise InputError(f"label trusted must be n_atoms booleans; got {mask.dtype} of shape {mask.shape}")
    mask = mask.astype(bool)
    mask.setflags(write=False)
    return mask


def _finite_number(name: str, value: Any) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise InputError(f"label {name} must be finite, got {number}; drop it or repair the calculation")
    return number


def _finite_array(name: str, value: Any, shape: tuple[int, ...]) -> Floats:
    array = np.array(value, dtype=np.float64)
    if array.ndim != len(shape) or any(w not in (-1, g) for w, g in zip(shape, array.shape, strict=True)):
        wanted = str(shape).replace("-1", "n_atoms")
        raise InputError(f"label {name} must have shape {wanted}, got {array.shape}")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise InputError(f"label {name} holds {bad} numbers that are NaN or infinite; repair the calculation")
    array.setflags(write=False)
    return array
