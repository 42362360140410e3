"""Noise as large as what is seen: a model that cannot fit its labels must not believe them more than it can.

A misspecified model whose noise is set too small takes its own shortcomings for certainty. So the noise of
labels is never below the residual that the model leaves on what it has learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gapsample.database import Entry, Label
from gapsample.potential.assessment import Compared, assess
from gapsample.potential.gap import GAP
from gapsample.potential.recipe import Recipe, Sigmas

Floats = NDArray[np.float64]

ONE_SIGMA = 0.6827  # of a normal distribution lies within one standard deviation
OUTGROWN = 1.5  # times the noise: what was learned with less has to be learned again


@dataclass(frozen=True)
class Residual:
    """What a model leaves of the labels it has learned, in the units of `Sigmas`; None: no such labels.

    Attributes
    ----------
    energy, virial : eV, spread of the error divided by sqrt(n_atoms)
    force : eV/Å, spread over components

    The spread is what 68 % of the absolute errors stay below: the standard deviation of a normal
    distribution, hardly moved by a few configurations that no model could fit, and that must not drown all
    others in noise.
    """

    energy: float | None = None
    force: float | None = None
    virial: float | None = None


def residual(gap: GAP, entries: Sequence[Entry]) -> Residual:
    """The residual on some of the labels that a model has learned."""
    seen = assess(gap, entries)
    atoms = np.sqrt(seen.n_atoms.astype(float))
    return Residual(
        _spread(seen.energy, atoms), _spread(seen.forces, np.ones_like(atoms)), _spread(seen.virial, atoms)
    )


def with_noise(recipe: Recipe, left: Residual) -> Recipe:
    """A recipe none of whose sigmas is below the residual; kinds of labels it leaves out stay out."""
    types = {name: _raised(sigmas, left) for name, sigmas in recipe.config_type_sigmas.items()}
    return replace(recipe, sigmas=_raised(recipe.sigmas, left), config_type_sigmas=types)


def outgrown(used: Recipe, wanted: Recipe) -> bool:
    """Whether some noise a model was fitted with is much smaller than it should have been."""
    pairs = [(used.sigmas, wanted.sigmas)]
    pairs += [(used.config_type_sigmas[name], each) for name, each in wanted.config_type_sigmas.items()]
    return any(
        now is not None and then is not None and now > OUTGROWN * then
        for old, new in pairs
        for then, now in zip(vars(old).values(), vars(new).values(), strict=True)
    )


def label_with_noise(label: Label, left: Residual, n_atoms: int) -> Label:
    """A label whose own sigmas, where it has any, are not below the residual."""
    root = float(np.sqrt(n_atoms))
    atom_sigma = label.force_atom_sigma
    return replace(
        label,
        energy_sigma=_larger(label.energy_sigma, left.energy, root),
        force_sigma=_larger(label.force_sigma, left.force, 1.0),
        virial_sigma=_larger(label.virial_sigma, left.virial, root),
        force_atom_sigma=None if atom_sigma is None else np.maximum(atom_sigma, left.force or 0.0),
    )


def _raised(sigmas: Sigmas, left: Residual) -> Sigmas:
    return Sigmas(
        _larger(sigmas.energy, left.energy, 1.0),
        _larger(sigmas.force, left.force, 1.0),
        _larger(sigmas.virial, left.virial, 1.0),
    )


def _larger(sigma: float | None, left: float | None, factor: float) -> float | None:
    return None if sigma is None else max(sigma, factor * (left or 0.0))


def _spread(compared: Compared, factors: Floats) -> float | None:
    if not len(compared):
        return None
    return float(np.quantile(np.abs(compared.error * factors[compared.entry][:, None]), ONE_SIGMA))
