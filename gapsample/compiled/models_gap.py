"""A whole GAP inside compiled walks: neighbours, SOAP and its matrix products, pairs, angles."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled import soap_energy, triplets
from gapsample.compiled.by_address import ByAddress
from gapsample.compiled.jit import njit
from gapsample.compiled.neighbours import FULL, list_neighbours
from gapsample.compiled.soap import Density
from gapsample.compiled.splines import look_up
from gapsample.compiled.walks_models import evaluates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_PAIRS = 4_000_000  # a cell of more is far denser than matter: its energy is not asked


class SoapPart(NamedTuple):
    """A SOAP term with one weight vector; arguments of `soap_energy.evaluate`.

    `center` is the atomic number of the atoms that carry it.
    """

    center: int
    density: Density
    sparse: Floats
    zeta: float
    weights: Floats
    quadratic: Floats


class AnglePart(NamedTuple):
    """A three-body term with one weight vector, shape (1, n_sparse); see `triplets.triplet_energies`.

    `center` and `species` are atomic numbers, zero standing for any; `share` how often a triplet counts.
    """

    center: int
    species: Integers
    cutoff: float
    width: float
    share: float
    points: Floats
    theta: Floats
    variance: float
    offset: float
    weights: Floats


class PairTables(NamedTuple):
    """Functions of one distance by the pair of species; each atom gets their value for each neighbour.

    Attributes
    ----------
    first : shape (n_species^2 + 1,); the pair (a, b) has the functions ``first[a n_species + b]`` to the next
    which : functions, by number
    start, stop, inverse_step : shape (n_functions,), of their tables
    place : shape (n_functions + 1,), first row of each among the coefficients, and the end of the last
    over_r : shape (n_functions,), whether the tabulated value is still to be divided by the distance
    coefficients : shape (n_rows, 6), quintics as in `splines.Table`
    """

    first: Integers
    which: Integers
    start: Floats
    stop: Floats
    inverse_step: Floats
    place: Integers
    over_r: NDArray[np.bool_]
    coefficients: Floats


class Gap(NamedTuple):
    """A Gaussian approximation potential for atoms of given species.

    Attributes
    ----------
    cutoff, closest : Å; of all parts, and the distance below which two atoms count as one point
    numbers, e0 : shape (n_species,), atomic numbers and eV of the isolated atom
    soap, angles : the terms, at least one each (one without weights if there are none)
    pairs : all functions of one distance
    add_soap : `add_soap`, which compiles for longer than all the rest together
    """

    cutoff: float
    closest: float
    numbers: Integers
    e0: Floats
    soap: tuple[SoapPart, ...]
    angles: tuple[AnglePart, ...]
    pairs: PairTables
    add_soap: ByAddress


@evaluates(Gap)
@njit
def gap(model: Gap, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
    """Energy and forces of a GAP; NaN where atoms coincide, for NaN, and if far too dense."""
    n_atoms = len(positions)
    volume = abs(np.linalg.det(cell))
    expected = 4.19 * model.cutoff**3 * n_atoms * n_atoms / volume
    if not (math.isfinite(np.sum(positions)) and expected < MOST_PAIRS):
        return math.nan
    room = int(1.5 * expected) + 32 * n_atoms
    first, numbers = np.empty(n_atoms + 1, np.int64), np.empty(n_atoms, np.int64)
    energy = 0.0
    for i in range(n_atoms):
        numbers[i] = model.numbers[species[i]]
        energy += model.e0[species[i]]
    n = FULL
    while n == FULL and room < 2 * MOST_PAIRS:
        j, D, d = np.empty(room, np.int64), np.empty((room, 3)), np.empty(room)
        n = list_neighbours(positions, cell, model.cutoff, first, j, D, d)
        room *= 2
    if n == FULL:
        return math.nan
    j, D, d = j[:n], D[:n], d[:n]
    for p in range(n):
        if d[p] < model.closest:
            return math.nan
    forces[:] = 0.0
    energy += add_pairs(model.pairs, len(model.numbers), species, first, j, D, d, forces)
    for part in model.soap:
        energy += model.add_soap(part, numbers, first, j, D, d, forces)
    for angle in model.angles:
        energy += add_angles(angle, numbers, first, j, D, d, forces)
    return energy


@njit
def add_soap(
    part: SoapPart, numbers: Integers, first: Integers, j: Integers, D: Floats, d: Floats, forces: Floats
) -> float:
    """Energy of a SOAP term; its forces are added."""
    n_atoms = len(numbers)
    centres = np.flatnonzero(numbers == part.center)
    if len(centres) == 0:
        return 0.0
    energies, virial = np.zeros((1, n_atoms)), np.zeros((1, 3, 3))
    soap_energy.evaluate(
        part.density,
        part.sparse,
        part.zeta,
        part.weights,
        part.quadratic,
        np.empty(0),
        centres,
        numbers,
        first,
        j,
        D,
        d,
        energies,
        np.empty(0),
        forces.reshape((1, len(forces), 3)),
        virial,
    )
    return np.sum(energies)


def soap_by_address(part: SoapPart) -> ByAddress:
    """`add_soap` as compiled models carry it; `part` any of its kind."""
    whole, numbers = np.empty(1, np.int64), np.empty((1, 3))
    return ByAddress(add_soap, part, whole, whole, whole, numbers, numbers[0], numbers)


@njit(relaxed=True)
def add_pairs(
    pairs: PairTables,
    n_species: int,
    species: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    forces: Floats,
) -> float:
    """Energy of all functions of one distance; their forces are added. Of a pair's two sides one is taken."""
    energy = 0.0
    for i in range(len(first) - 1):
        for p in range(first[i], first[i + 1]):
            if j[p] < i:
                continue
            r, kind, sides = d[p], species[i] * n_species + species[j[p]], 1.0 if j[p] == i else 2.0
            slope = 0.0
            for k in range(pairs.first[kind], pairs.first[kind + 1]):
                f = pairs.which[k]
                if not (pairs.start[f] <= r < pairs.stop[f]):
                    continue
                u = (r - pairs.start[f]) * pairs.inverse_step[f]
                row = min(int(u), pairs.place[f + 1] - pairs.place[f] - 1)
                value, steepness = look_up(pairs.coefficients[pairs.place[f] + row], u - row)
                steepness *= pairs.inverse_step[f]
                if pairs.over_r[f]:
                    value /= r
                    steepness = (steepness - value) / r
                energy += sides * value
                slope += steepness
            if len(forces) > 0 and j[p] > i:
                for x in range(3):
                    pull = 2.0 * slope / r * D[p, x]
                    forces[i, x] += pull
                    forces[j[p], x] -= pull
    return energy


@njit
def add_angles(
    part: AnglePart, numbers: Integers, first: Integers, j: Integers, D: Floats, d: Floats, forces: Floats
) -> float:
    """Energy of a three-body term; its forces are added. One centre at a time, to bound the memory."""
    energy = 0.0
    pulls, virial = np.zeros((len(forces), 3, 1)), np.zeros((3, 3, 1))
    for i in range(len(numbers) if part.weights.shape[1] > 0 else 0):
        if part.center != 0 and numbers[i] != part.center:
            continue
        sides = triplets.select_triplets(numbers, first[i : i + 2], j, d, 0, part.species, part.cutoff)
        edges, lengths, switch, dswitch = triplets.describe_triplets(sides, D, d, part.cutoff, part.width)
        values, slopes = np.empty((len(sides), 1)), np.empty((len(sides), 3, 1))
        triplets.triplet_energies(
            lengths,
            part.share * switch,
            part.share * dswitch,
            part.points,
            part.theta,
            part.variance,
            part.offset,
            part.weights,
            values,
            slopes,
        )
        energy += np.sum(values)
        if len(forces) > 0:
            corners = np.empty((len(sides), 3), np.int64)
            for t in range(len(sides)):
                corners[t, 0], corners[t, 1], corners[t, 2] = i, j[sides[t, 0]], j[sides[t, 1]]
            triplets.add_triangle_forces(corners, edges, lengths, slopes, pulls, virial)
    for i in range(len(forces)):
        for x in range(3):
            forces[i, x] += pulls[i, x, 0]
    return energy
