"""Atoms of any compiled model, or any Potential, in an ensemble: the `Problem` behind most studies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import ArrayLike

from gapsample.compiled import walks_atoms
from gapsample.compiled.walks_clones import CELL_SIZE, Space
from gapsample.compiled.walks_models import for_model
from gapsample.errors import InputError
from gapsample.nested.ensembles import Ensemble, Pressure, axes_of
from gapsample.nested.models import AnyPotential, CompiledModel, InPython, Observer
from gapsample.nested.moves import NAMES, Moves
from gapsample.nested.problem import Floats, Keys, Walk, Walked
from gapsample.nested.restraints import (
    check_moves,
    check_potentials,
    check_room,
    checked_frozen,
    checked_masses,
    hard_core,
    names_of,
)

OTHER_STREAM = np.uint64(0x9D39247E33776D41)  # so that positions do not repeat the numbers of the cell
PRIVATE = "work"  # fields of a compiled model that start so are room to work in, one for each walk


@dataclass(frozen=True, eq=False)
class System:
    """Atoms below a ceiling of energy, enthalpy, or what chemical potentials make of it.

    Values are ``E + P V - sum mu_i N_i``, in eV, and with `Moves.hmc` the kinetic energy added. The prior is
    uniform: atoms in the cell, species of each atom (with chemical potentials) or their order, momenta in
    the ball of `largest_kinetic`; the cell's belongs to the ensemble.

    Parameters
    ----------
    symbols : a formula such as ``"CuAu3"``, or the symbol of each atom
    model : a compiled model, or ``AnyPotential(potential)``
    ensemble : `Fixed` or `Pressure`
    moves : those that the ensemble needs, with Galilean flights, if None
    chemical_potentials : eV, of all species that atoms may have: then atoms change species
    frozen : shape (n, 3), coordinates that stay at `positions`: substrates, a plane, a line
    positions : shape (n, 3), Å, needed with `frozen`
    masses : shape (n,), amu; those of the elements if None. They steer `hmc` and change no average
    largest_kinetic : eV, needed with `hmc`; several times the thermal energy of all momenta at the highest T
    core : Å, one distance or that of each pair, such as ``{"Cu-Au": 1.8}``: the model is never asked about
        closer atoms
    mutable : shape (n,), atoms whose species may change; all if None
    observers : what else to note of points that die

    Raises
    ------
    InputError
        The parts do not fit each other, or no configuration can satisfy them.
    UnknownName, UnknownSpecies
        A symbol is no element, or the model does not know it.
    """

    symbols: str | Sequence[str]
    model: CompiledModel
    ensemble: Ensemble
    moves: Moves | None = None
    chemical_potentials: Mapping[str, float] = field(default_factory=dict)
    frozen: ArrayLike | None = None
    positions: ArrayLike | None = None
    masses: ArrayLike | None = None
    largest_kinetic: float | None = None
    core: float | Mapping[str, float] = 0.0
    mutable: ArrayLike | None = None
    observers: Sequence[Observer] = ()

    def __post_init__(self) -> None:
        semi_grand = bool(self.chemical_potentials)
        if semi_grand:
            check_potentials(self.chemical_potentials, self._names)
        frozen = not self._space.free.all()
        check_moves(self._trials, self.ensemble, len(self.species), semi_grand, frozen)
        if not self._space.free.any() and (self._trials.atom or self._trials.galilean or self._trials.hmc):
            raise InputError("all atoms are frozen: take Moves(galilean=0, …) that change species only")
        if self._trials.hmc and not 0.0 < self._space.largest_kinetic < np.inf:
            raise InputError(
                f"hmc needs `largest_kinetic`, several times {0.5 * self._space.free.sum():g} kT at the "
                f"highest temperature of interest, got {self.largest_kinetic}"
            )
        if not (frozen or semi_grand or self.ensemble.walls.any()):
            volume = self.ensemble.largest_volume_of(self.n_atoms)
            check_room(self._space.nearest, self.species, self._names, volume)
        if isinstance(self.model, AnyPotential) and axes_of(self.model.pbc) != self.ensemble.axes:
            raise InputError(
                f"the ensemble is periodic along {self.ensemble.axes}; tell the potential by "
                f"AnyPotential(…, pbc={self.ensemble.axes}), got {self.model.pbc}"
            )
        assert self._compiled is not None  # an unknown species is an error here, not within a run

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self._names)

    @property
    def n_coordinates(self) -> int:
        """Positions, cell, species, momenta: numbers in one row."""
        return (7 if self._trials.hmc else 4) * self.n_atoms + CELL_SIZE

    @property
    def degrees_of_freedom(self) -> int:
        """Momenta that values do not hold yet; what `thermodynamics` adds to the heat capacity."""
        return 0 if self._trials.hmc else int(self._space.free.sum())

    @property
    def species(self) -> tuple[str, ...]:
        """Symbols that atoms may have, sorted; rows count species by their places here."""
        return tuple(sorted({*self._names, *self.chemical_potentials}))

    @property
    def move_names(self) -> tuple[str, ...]:
        """Kinds of moves that are tried."""
        return self._trials.used

    @property
    def largest_steps(self) -> Floats:
        """As `Problem` wants it; half the system, and flights in which a fast atom crosses half of it."""
        volume = self.ensemble.largest_volume_of(self.n_atoms)
        cells = self.ensemble.draw(self.n_atoms, np.zeros(1, np.uint64))
        lengths = np.linalg.norm(cells[0], axis=1)
        edge = np.cbrt(volume) if isinstance(self.ensemble, Pressure) else lengths.max()
        speed = np.sqrt(2.0 * self._space.largest_kinetic / max(1, self._space.free.sum()))
        slowest = 0.5 * edge / max(speed * self._space.lightness.max(), 1e-300)
        sizes = dict.fromkeys(NAMES, np.inf)
        sizes |= {"atom": 0.5 * edge, "galilean": 0.5 * edge, "hmc": slowest}
        sizes |= {"volume": 0.5 * volume, "shear": 0.5, "stretch": 0.5}
        return np.array([sizes[name] for name in self.move_names])

    @property
    def fingerprint(self) -> str:
        """Text that differs wherever values, priors or walks would."""
        space = self._space
        arrays = (space.free, space.mutable, space.lightness, space.nearest, space.levels, self._given)
        content = hashlib.sha256(b"|".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()
        parts = (self._names, self._trials, space.largest_kinetic, content)
        return f"System({self.model.fingerprint}, {self.ensemble.fingerprint}, {parts})"

    def draw(self, keys: Keys) -> tuple[Floats, Floats]:
        """Draw from the prior: points and values.

        Raises
        ------
        InputError
            The model gives no finite energy for some of them.
        """
        n = self.n_atoms
        points = np.empty((len(keys), self.n_coordinates))
        cells = self.ensemble.draw(n, keys)
        points[:, 3 * n : 3 * n + CELL_SIZE] = cells.reshape(len(keys), -1)
        species = np.searchsorted(self.species, self._names)
        walks_atoms.draw(
            self._space,
            self._given,
            species,
            not self._trials.transmute,
            self._trials.hmc > 0,
            keys ^ OTHER_STREAM,
            points,
        )
        model = self._private_model()
        values = self._values(model, points)
        if n_bad := int(np.sum(~np.isfinite(values))):
            said = f" ({model.problem})" if isinstance(model, InPython) else ""
            raise InputError(
                f"the model has no finite energy for {n_bad} of {len(keys)} draws from the prior{said}; set "
                "`core` to a distance below which it need not be asked, or shrink the prior"
            )
        return points, values

    def values(self, points: Floats) -> Floats:
        """Values of points, shape (m, n_coordinates) -> (m,), eV; NaN where the model fails."""
        return self._values(self._private_model(), np.ascontiguousarray(points, float))

    def walk(self, task: Walk) -> Walked:
        """All kinds of moves; compiled and free of the GIL unless the model is a Potential."""
        points, values = np.array(task.coordinates, float, order="C"), task.values.copy()
        tried, accepted = np.empty((2, len(values), walks_atoms.N_MOVES), np.int64)
        failed = np.empty(len(values), np.int64)
        used = [NAMES.index(name) for name in self.move_names]
        steps = np.zeros(walks_atoms.N_MOVES)
        steps[used] = task.steps
        model = self._private_model()
        with np.errstate(all="ignore"):
            for_model(walks_atoms.walk, model)(
                model,
                self._space,
                self.n_atoms,
                task.ceiling.value,
                task.ceiling.label,
                steps,
                self._trials.trials(self.n_atoms),
                self._trials.n_steps,
                task.length,
                np.ascontiguousarray(task.keys),
                points,
                values,
                tried,
                accepted,
                failed,
            )
        return Walked(points, values, tried[:, used], accepted[:, used], failed)

    def atoms(self, coordinates: Floats) -> Atoms:
        """One point as a configuration, with its momenta where they are sampled."""
        n = self.n_atoms
        positions, cell, kinds, momenta = np.split(coordinates, (3 * n, 3 * n + 9, 4 * n + 9))
        atoms = Atoms(
            np.array(self.species)[kinds.astype(int)],
            positions=positions.reshape(n, 3),
            cell=cell.reshape(3, 3),
            pbc=self.ensemble.axes,
        )
        if self._trials.hmc:
            atoms.set_masses(self._masses)
            atoms.set_momenta(momenta.reshape(n, 3) * np.sqrt(self._masses)[:, None])
        return atoms

    def observe(self, coordinates: Floats) -> Mapping[str, Floats]:
        """Volume (Å^3), atoms of each species, kinetic energy (eV) where they vary; what observers see."""
        n = self.n_atoms
        _, cell, kinds, momenta = np.split(coordinates, (3 * n, 3 * n + 9, 4 * n + 9), axis=1)
        seen: dict[str, Floats] = {}
        if isinstance(self.ensemble, Pressure):
            seen["volume"] = np.linalg.det(cell.reshape(-1, 3, 3))
        if self._trials.transmute:
            counts = {f"n_{s}": (kinds == place).sum(axis=1) for place, s in enumerate(self.species)}
            seen |= {name: count.astype(float) for name, count in counts.items()}
        if self._trials.hmc:
            seen["kinetic"] = 0.5 * (momenta**2).sum(axis=1)
        configurations = [self.atoms(row) for row in coordinates] if self.observers else []
        for observer in self.observers:
            found = observer.observe(configurations)
            if twice := sorted(seen.keys() & found.keys()):
                raise InputError(f"two observers see {twice[0]!r}; rename one")
            seen |= found
        return seen

    def _values(self, model: Any, points: Floats) -> Floats:
        out = np.empty(len(points))
        with np.errstate(all="ignore"):
            for_model(walks_atoms.values, model)(model, self._space, self.n_atoms, points, out)
        return out

    def _private_model(self) -> Any:
        """The model for one walk: nothing that it writes into is shared."""
        compiled = self._compiled
        if isinstance(compiled, InPython):
            return self.model.compiled(self.species)
        rooms = [name for name in type(compiled)._fields if name.startswith(PRIVATE)]
        return compiled._replace(**{name: np.empty_like(getattr(compiled, name)) for name in rooms})

    @cached_property
    def _compiled(self) -> Any:
        return self.model.compiled(self.species)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return names_of(self.symbols)

    @cached_property
    def _trials(self) -> Moves:
        if self.moves is not None:
            return self.moves
        cell = Moves.of_cell(cubic=self.ensemble.cubic) if isinstance(self.ensemble, Pressure) else {}
        n_species = len(set(self._names))
        return Moves(swap=int(n_species > 1), transmute=int(bool(self.chemical_potentials)), **cell)

    @cached_property
    def _given(self) -> Floats:
        """Positions of frozen coordinates, shape (n, 3); 0 where free."""
        given = np.zeros((self.n_atoms, 3)) if self.positions is None else np.array(self.positions, float)
        return np.where(self._space.free, 0.0, given)

    @cached_property
    def _masses(self) -> Floats:
        elements = atomic_masses[[atomic_numbers[s] for s in self._names]]
        return elements if self.masses is None else checked_masses(self.masses, self.n_atoms)

    @cached_property
    def _space(self) -> Space:
        frozen = checked_frozen(self.frozen, self.positions, self.n_atoms, self.ensemble)
        changing = self._trials.swap or self._trials.transmute
        mutable = np.ones(self.n_atoms, bool) if self.mutable is None else np.array(self.mutable, bool)
        if mutable.shape != (self.n_atoms,):
            raise InputError(f"`mutable` needs {self.n_atoms} flags, one for each atom, got {mutable.shape}")
        nearest = hard_core(self.core, self.species)
        return Space(
            free=~frozen,
            mutable=np.flatnonzero(mutable if changing else np.zeros_like(mutable)),
            lightness=~frozen / np.sqrt(self._masses)[:, None],
            closed=bool(self.ensemble.walls.any()),
            walls=self.ensemble.walls,
            padding=max(float(self.model.cutoff), float(nearest.max())),
            hard=bool(nearest.max() > 0.0),
            nearest=nearest,
            levels=np.array([-self.chemical_potentials.get(s, 0.0) for s in self.species]),
            bounds=self.ensemble.bounds(self.n_atoms),
            largest_kinetic=float(self.largest_kinetic or 0.0),
        )
