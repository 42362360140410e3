"""What the phases on either side of a transition look like, from the configurations that runs kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample import nested
from gapsample.compiled.walks_core import CORE
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.descriptors.steinhardt import nearest_neighbours
from gapsample.errors import InputError
from gapsample.journeys.nested_atoms import read_configuration
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_plan import PhaseLook
from gapsample.journeys.nested_problem import problem
from gapsample.journeys.nested_study import Leaf, Study
from gapsample.nested.kept import Kept, join, read_configurations
from gapsample.nested.peaks import spread_err
from gapsample.nested.points import DeadPoints, live_numbers
from gapsample.nested.structure import Measure
from gapsample.nested.volumes import expected_log_shells

Floats = NDArray[np.float64]
Member = tuple[Study, Leaf]

N_DRAWS = 40
N_DRAWS_ALONE = 2  # of a seed alone, whose values count and not its errors
BETWEEN_SHELLS = 1.35  # of the nearest distance: between the first two shells of fcc, hcp, bcc and diamond
SOAP_RANGE, SOAP_WIDTH = 3.1, 0.25  # of the nearest distance: so fcc, hcp and bcc are told apart while hot
SOAP_SIZE, ZETA = 6, 4.0
LIGHTEST = 12.0  # nats below the heaviest point: what weighs less at every temperature is not looked at
LIKE = "like "


class Estimate(NamedTuple):
    """A mean, its error from shrinkage and scatter, and that from the seeds (NaN with fewer than two)."""

    value: float
    err: float
    seeds_err: float


@dataclass(frozen=True)
class Phase:
    """What configurations look like at a pressure and a temperature, on average.

    Attributes
    ----------
    temperature : between two transitions, or beyond the last
    seen : ``Q4``, ``Q6``, ``coordination``, ``volume`` per atom, and ``like fcc`` for each reference
    """

    temperature: float
    seen: Mapping[str, Estimate]

    @property
    def resembles(self) -> str | None:
        """The reference it is most alike, None without references."""
        known = {name: each.value for name, each in self.seen.items() if name.startswith(LIKE)}
        return max(known, key=lambda name: known[name]).removeprefix(LIKE) if known else None


@dataclass(frozen=True)
class VolumePerAtom:
    """A measure of `gapsample.nested.structure`: ``volume``."""

    def __call__(self, atoms: Atoms) -> Mapping[str, float | Floats]:
        """Per atom, Å^3 or reduced."""
        return {"volume": float(atoms.get_volume()) / len(atoms)}


def between(temperatures: Sequence[float], lowest: float, highest: float) -> Floats:
    """A temperature inside each phase: below, between and above transitions, shape (n + 1,)."""
    edges = np.array([lowest, *temperatures, highest])
    return np.asarray(np.sqrt(edges[:-1] * edges[1:]))


def phases_at(
    members: Sequence[Member], temperatures: Floats, measures: Sequence[Measure], *, seed: int
) -> list[Phase]:
    """The phase at each temperature, from the runs at one pressure.

    Parameters
    ----------
    members : whose configs keep configurations (`output.keep_every`)
    temperatures : shape (n,)
    measures : from `measures_of`
    """
    boltzmann = members[0][0].config.boltzmann
    runs = [_measured(study, leaf, measures, boltzmann * temperatures) for study, leaf in members]
    names = runs[0][2]

    def averaged(points: DeadPoints, kept: Kept, n_draws: int) -> Mapping[str, nested.Curve]:
        columns = dict(zip(names, kept.coordinates.T, strict=True))
        rng = np.random.default_rng(seed)
        return nested.averages(
            points, kept.rows, columns, temperatures, rng=rng, boltzmann=boltzmann, n_draws=n_draws
        )

    pairs = [(points, kept) for points, kept, _ in runs]
    merged = averaged(*join(pairs), N_DRAWS)
    alone = [averaged(*pair, N_DRAWS_ALONE) for pair in pairs] if len(pairs) > 1 else []

    def estimate(name: str, place: int) -> Estimate:
        spread = spread_err(np.array([each[name].value[place] for each in alone]))
        return Estimate(float(merged[name].value[place]), float(merged[name].err[place]), spread)

    return [
        Phase(float(t), {name: estimate(name, place) for name in names})
        for place, t in enumerate(temperatures)
    ]


def measures_of(members: Sequence[Member]) -> list[Measure]:
    """How phases are told apart; lengths not given in the config are those of the coldest configuration."""
    look = members[0][0].config.phases
    coldest = _coldest(members)
    nearest = float(np.median(nearest_neighbours(coldest, 1).d))
    cutoff = BETWEEN_SHELLS * nearest if look.cutoff is None else look.cutoff
    n_bonds = round(len(find_neighbours(coldest, cutoff).d) / len(coldest))
    found: list[Measure] = [
        VolumePerAtom(),
        nested.Order(max(1, n_bonds) if look.bonds is None else look.bonds, degrees=(4, 6)),
        nested.Coordination(cutoff),
    ]
    if look.references:
        found.append(resemblance(look, coldest, nearest))
    return found


def keeps_enough(config: NestedConfig) -> bool:
    """Whether runs keep configurations from which phases can be known."""
    return config.output.keep_every > 0


def resemblance(look: PhaseLook, coldest: Atoms, nearest: float) -> nested.Resemblance:
    """The kernel to the references of a config, all scaled to the density of the coldest configuration.

    Parameters
    ----------
    nearest : distance of neighbors in `coldest`
    """
    references = {name: _reference(name, path, coldest) for name, path in look.references.items()}
    reach = SOAP_RANGE * nearest if look.soap_cutoff is None else look.soap_cutoff
    basis = SoapBasis(
        reach,
        n_max=SOAP_SIZE,
        l_max=SOAP_SIZE,
        atom_sigma=SOAP_WIDTH * nearest,
        cutoff_transition_width=0.25 * reach,
    )
    density = len(coldest) / float(coldest.get_volume())
    return nested.Resemblance(references, basis, zeta=ZETA, density=density)


def _reference(name: str, path: Path, coldest: Atoms) -> Atoms:
    """A reference phase from its file, of the species of the system."""
    where = f"phases.references.{name}"
    found = read_configuration(path, where)
    have, want = ({*each.get_chemical_symbols()} for each in (found, coldest))
    if have != want:
        raise InputError(
            f"{where}, {path}, holds {', '.join(sorted(have))}, the system {', '.join(sorted(want))} (Ar in "
            "a pair_cell): rename the atoms of the reference"
        )
    if not found.pbc.all():
        raise InputError(f"{where} must be periodic along all axes, got {found.pbc.tolist()}")
    return found


def _coldest(members: Sequence[Member]) -> Atoms:
    """The live point of lowest energy, among those of lowest enthalpy of each run."""
    best: tuple[float, Atoms] | None = None
    for study, leaf in members:
        points, kept = read_configurations(study.folder / leaf.name)
        atoms = problem(study.config, leaf.pressure).atoms(kept.coordinates[-1])
        value = float(points.value[kept.rows[-1]])
        if leaf.pressure is not None:
            value -= study.config.energy_per_volume(leaf.pressure) * float(atoms.get_volume())
        if best is None or value < best[0]:
            best = value, atoms
    assert best is not None
    return best[1]


def _measured(
    study: Study, leaf: Leaf, measures: Sequence[Measure], thermal: Floats
) -> tuple[DeadPoints, Kept, tuple[str, ...]]:
    """Points of a run, and every measure of those kept at regular intervals, in place of coordinates.

    Only configurations that weigh something at one of the thermal energies are looked at.
    """
    points, kept = read_configurations(study.folder / leaf.name)
    n_dead = len(points) - study.config.sampling.n_live
    regular = (kept.rows % study.config.output.keep_every == 0) | (kept.rows >= n_dead)
    regular &= points.value[kept.rows] < CORE
    heavy = regular & _heavy(points, thermal)[kept.rows]
    chosen = np.flatnonzero(heavy if heavy.sum() > 1 else regular)
    sampled = problem(study.config, leaf.pressure)
    seen = nested.structure((sampled.atoms(row) for row in kept.coordinates[chosen]), measures)
    table = np.stack(list(seen.values()), axis=1)
    return points, Kept(kept.rows[chosen], table), tuple(seen)


def _heavy(points: DeadPoints, thermal: Floats) -> NDArray[np.bool_]:
    """Points that are not much lighter than the heaviest at some thermal energy, shape (n,)."""
    log_mass = expected_log_shells(live_numbers(points))
    log_weight = log_mass - points.value / thermal[:, None]
    return np.asarray((log_weight > log_weight.max(axis=1, keepdims=True) - LIGHTEST).any(axis=0))
