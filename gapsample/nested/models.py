"""What `System` asks of a model: to be compiled for given species; and any Potential as such a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from gapsample.compiled.walks_models import Springs
from gapsample.nested.problem import Floats, Integers
from gapsample.potential.protocol import Potential


class CompiledModel(Protocol):
    """A model whose energies compiled walks can ask for."""

    @property
    def cutoff(self) -> float:
        """Å; atoms farther apart do not feel each other. 0 for a model that never looks at images."""
        ...

    @property
    def scale(self) -> float:
        """Energy that differences of energy are measured by, eV: a well depth, roughly."""
        ...

    @property
    def fingerprint(self) -> str:
        """Text that differs wherever energies would."""
        ...

    def compiled(self, symbols: tuple[str, ...]) -> Any:
        """Arrays for `gapsample.compiled.walks_models.evaluate`; `symbols` distinct, species their places.

        Raises
        ------
        UnknownSpecies
            The model does not know one of the symbols.
        """
        ...


class Observer(Protocol):
    """What is to be seen of configurations that died, such as the predicted error of a model."""

    def observe(self, configurations: Sequence[Atoms]) -> Mapping[str, Floats]:
        """Arrays of first dimension ``len(configurations)`` by name; the names always the same."""
        ...


@dataclass(frozen=True, eq=False)
class Einstein:
    """Every atom on a spring of its own: exactly solvable; with slack springs the ideal gas or solution.

    Springs pull to the nearest image of a site.

    Parameters
    ----------
    stiffness : shape (n, 3), eV/Å^2, along each axis; energy = 1/2 sum stiffness (x - site)^2
    sites : shape (n, 3), Å
    levels : eV, energy of an atom of each species, 0 for those not named
    """

    stiffness: ArrayLike
    sites: ArrayLike
    levels: Mapping[str, float] = field(default_factory=dict)

    cutoff = 0.0
    scale = 1.0

    @property
    def fingerprint(self) -> str:
        """Text that differs for models that differ."""
        stiffness, sites = np.array(self.stiffness, float), np.array(self.sites, float)
        return f"Einstein({stiffness.tolist()}, {sites.tolist()}, {dict(self.levels)})"

    def compiled(self, symbols: tuple[str, ...]) -> Springs:
        """Arrays for the compiled walks."""
        levels = np.array([self.levels.get(symbol, 0.0) for symbol in symbols])
        return Springs(np.array(self.stiffness, float), np.array(self.sites, float), levels)


@dataclass(frozen=True)
class AnyPotential:
    """A Potential (one with a GAP's baseline, an ASE calculator, …), walked in plain Python.

    An evaluation that raises or gives no finite number refuses the move that asked for it.

    Parameters
    ----------
    potential : anything that evaluates `ase.Atoms`; it must be picklable for processes and clusters
    pbc : along each axis, as in the ensemble
    name : by which a resumed run knows the potential again; the name of its class if empty
    scale : eV, energy that differences are measured by

    Examples
    --------
    >>> AnyPotential(FromCalculator(EMT()), name="emt")  # doctest: +SKIP
    """

    potential: Potential
    pbc: bool | tuple[bool, bool, bool] = True
    name: str = ""
    scale: float = 1.0

    cutoff = 0.0  # the potential is told of open boundaries and needs no empty space instead

    @property
    def fingerprint(self) -> str:
        """The name."""
        return f"AnyPotential({self.name or type(self.potential).__qualname__!r}, {self.pbc})"

    def compiled(self, symbols: tuple[str, ...]) -> InPython:
        """An object of its own for each walk: it remembers what went wrong last."""
        return InPython(self.potential, np.array(symbols), self.pbc)


@dataclass
class InPython:
    """A Potential behind the words of `gapsample.compiled.walks_models.evaluate`.

    Attributes
    ----------
    problem : what the potential said when it failed last
    """

    potential: Potential
    symbols: NDArray[np.str_]
    pbc: bool | tuple[bool, bool, bool]
    problem: str = field(default="", init=False)

    def evaluate(self, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
        """Energy, NaN if the potential raises; whatever it raises belongs to it and ends no run."""
        atoms = Atoms(self.symbols[species], positions=positions, cell=cell, pbc=self.pbc)
        try:
            found = self.potential.evaluate(atoms, forces=len(forces) > 0)
        except Exception as problem:
            self.problem = f"{type(problem).__name__}: {problem}"
            return float("nan")
        if len(forces):
            forces[:] = found.forces
        if not np.isfinite(found.energy):
            self.problem = f"its energy is {found.energy}"
        return float(found.energy)
