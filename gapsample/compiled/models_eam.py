"""Embedded atoms for walks that move all atoms at once: energy and forces in any periodic cell.

``E = sum_i [level + F(rho_i)] + 1/2 sum_ij phi(r_ij)``, ``rho_i = sum_j density(r_ij)``; every function a
table that depends on the species.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.models_images import fractional, lattice, wrapped
from gapsample.compiled.splines import look_up
from gapsample.compiled.walks_models import evaluates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class EmbeddedAtoms(NamedTuple):
    """Tables of embedded atoms.

    Attributes
    ----------
    cutoff : Å
    start, inverse_step : of the tables by the distance; at shorter distances densities stay what they are at
        the start, and pair energies rise at least by `wall` (eV/Å^2) with the squared distance
    radial : shape (n_species, n_species, n_intervals, 3, 6), for atoms i and j of species s and t: pair
        energy (eV), density at i, density at j
    low, inverse_width : of the tables of the energy by the density, or by its logarithm; beyond them the
        energy goes on in a straight line
    embedding : shape (n_species, n_intervals, 6), eV
    logarithmic : whether it goes by the logarithm; atoms without neighbors then have none
    levels : shape (n_species,), eV
    """

    cutoff: float
    start: float
    inverse_step: float
    wall: float
    radial: Floats
    low: float
    inverse_width: float
    embedding: Floats
    logarithmic: bool
    levels: Floats


@evaluates(EmbeddedAtoms)
@njit
def embedded_atoms(
    model: EmbeddedAtoms, positions: Floats, species: Integers, cell: Floats, forces: Floats
) -> float:
    """Energy and forces: densities first, keeping the pairs if forces are wanted, then the rest."""
    n, want = len(positions), len(forces) > 0
    frame, vectors, count = lattice(cell, model.cutoff)
    if count == 0:
        return np.nan
    rho, s = np.empty(n), np.empty((n, 3))
    energy = 0.0
    for i in range(n):
        s[i, 0], s[i, 1], s[i, 2] = fractional(frame, positions[i, 0], positions[i, 1], positions[i, 2])
        e, rho[i] = _own(model, species[i], vectors, count)
        energy += e
    members, kept, size = np.empty((16 * n, 2), np.int64), np.empty((16 * n, 6)), 0
    cutoff2 = model.cutoff * model.cutoff
    for i in range(n):
        for j in range(i + 1, n):
            x, y, z = wrapped(frame, cell, s[j, 0] - s[i, 0], s[j, 1] - s[i, 1], s[j, 2] - s[i, 2])
            for k in range(count):
                dx, dy, dz = x + vectors[0, k], y + vectors[1, k], z + vectors[2, k]
                d2 = dx * dx + dy * dy + dz * dz
                if d2 >= cutoff2:
                    continue
                e, slope, near, near_slope, far, far_slope = _pair(model, species[i], species[j], d2)
                energy += e
                rho[i] += near
                rho[j] += far
                if not want:
                    continue
                if size == len(kept):
                    members, kept = np.concatenate((members, members)), np.concatenate((kept, kept))
                members[size, 0], members[size, 1] = i, j
                kept[size, 0], kept[size, 1], kept[size, 2] = dx, dy, dz
                kept[size, 3], kept[size, 4], kept[size, 5] = slope, near_slope, far_slope
                size += 1
    for i in range(n):
        e, rho[i] = _embed(model, species[i], rho[i])
        energy += model.levels[species[i]] + e
    if want:
        _push(members[:size], kept[:size], rho, forces)
    return energy


@njit(relaxed=True)
def _pair(model: EmbeddedAtoms, s: int, t: int, d2: float) -> tuple[float, float, float, float, float, float]:
    """Pair energy and the densities at both atoms, each with its derivative by the squared distance."""
    core2 = model.start * model.start
    r = np.sqrt(d2 if d2 > core2 else core2)
    place = max((r - model.start) * model.inverse_step, 0.0)
    interval = min(np.int64(place), model.radial.shape[2] - 1)
    u, rows = place - interval, model.radial[s, t, interval]
    chain = 0.5 * model.inverse_step / r
    e, slope = look_up(rows[0], u)
    near, near_slope = look_up(rows[1], u)
    far, far_slope = look_up(rows[2], u)
    if d2 > core2:
        return e, slope * chain, near, near_slope * chain, far, far_slope * chain
    slope = min(slope * chain, -model.wall)
    return e + slope * (d2 - core2), slope, near, 0.0, far, 0.0


@njit
def _own(model: EmbeddedAtoms, s: int, vectors: Floats, count: int) -> tuple[float, float]:
    """Pair energy and density of an atom among its own images."""
    energy, rho = 0.0, 0.0
    for k in range(1, count):
        d2 = vectors[0, k] ** 2 + vectors[1, k] ** 2 + vectors[2, k] ** 2
        if d2 < model.cutoff * model.cutoff:
            e, _, near, _, _, _ = _pair(model, s, s, d2)
            energy += 0.5 * e
            rho += near
    return energy, rho


@njit
def _embed(model: EmbeddedAtoms, s: int, rho: float) -> tuple[float, float]:
    """Energy of an atom at a density, and its derivative."""
    if model.logarithmic and not rho > 0.0:
        return rho, 0.0
    n = model.embedding.shape[1]
    place = ((np.log(rho) if model.logarithmic else rho) - model.low) * model.inverse_width
    interval = np.int64(min(max(place, 0.0), n - 1.0))
    inside = min(max(place, 0.0), float(n))
    e, slope = look_up(model.embedding[s, interval], inside - interval)
    e += slope * (place - inside)
    slope *= model.inverse_width
    return e, (slope / rho if model.logarithmic else slope)


@njit
def _push(members: Integers, kept: Floats, slopes: Floats, forces: Floats) -> None:
    """Forces from the pairs kept and the derivatives of the embedding energies, shape (n,)."""
    forces[:] = 0.0
    for k in range(len(members)):
        i, j = members[k, 0], members[k, 1]
        f = 2.0 * (kept[k, 3] + slopes[i] * kept[k, 4] + slopes[j] * kept[k, 5])
        for c in range(3):
            forces[i, c] += f * kept[k, c]
            forces[j, c] -= f * kept[k, c]
