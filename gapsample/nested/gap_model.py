"""A fitted GAP as a model of compiled walks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from ase.data import atomic_numbers

from gapsample.compiled.models_gap import AnglePart, Gap, PairTables, SoapPart, soap_by_address
from gapsample.compiled.pairs import pair_matches
from gapsample.compiled.splines import Table, tabulate
from gapsample.descriptors.soap import SoapBasis
from gapsample.errors import InputError, UnknownSpecies
from gapsample.nested.problem import Floats
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Potential, Sum
from gapsample.potential.terms.angle import BOTH_ORDERS, AngleTerm
from gapsample.potential.terms.distance import TABLE_ERROR, DistanceTerm, PairDescriptors
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm
from gapsample.potential.zbl import ZBL

CLOSEST = 0.02  # Å; atoms closer than this count as one point: the evaluation fails
ROUNDING = 1e-14  # of the largest value of a table
NOBODY = -1  # atomic number of the centres of a part that is empty


@dataclass(frozen=True, eq=False)
class GapModel:
    """A GAP for `System`: neighbours, matrix products and forces without a return to Python.

    Energies and forces are those of ``gap.evaluate`` within 1e-9 eV and eV/Å. All kinds of terms are
    compiled; as baseline a ZBL, another GAP, or sums of these.

    Parameters
    ----------
    gap : the potential
    scale : eV, energy that differences are measured by

    Raises
    ------
    InputError
        The baseline or a term has no compiled form; `AnyPotential` takes any.
    """

    gap: GAP
    scale: float = 1.0

    def __post_init__(self) -> None:
        list(_components(self.gap))

    @property
    def cutoff(self) -> float:
        """Å; of the farthest-reaching part."""
        reach = [part.outer if isinstance(part, ZBL) else part.cutoff for part in _components(self.gap)]
        return float(max(reach))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all numbers that energies depend on."""
        digest = hashlib.sha256()
        for part in _components(self.gap):
            if isinstance(part, ZBL):
                digest.update(repr(part).encode())
                continue
            digest.update(repr(sorted(part.e0.items())).encode() + part.alpha.tobytes())
            for term in part.terms:
                header, arrays = term.to_arrays()
                digest.update(json.dumps([type(term).__name__, header], sort_keys=True, default=str).encode())
                for name in sorted(arrays):
                    digest.update(np.ascontiguousarray(arrays[name]).tobytes())
        return f"GapModel({digest.hexdigest()[:32]})"

    def compiled(self, symbols: tuple[str, ...]) -> Gap:
        """Arrays of the parts that these species need."""
        numbers = np.array([atomic_numbers[symbol] for symbol in symbols], np.int64)
        e0 = np.zeros(len(symbols))
        soap: list[SoapPart] = []
        angles: list[AnglePart] = []
        functions: list[_Function] = []
        for part in _components(self.gap):
            if isinstance(part, ZBL):
                functions += _repulsions(part, numbers.tolist())
                continue
            _check(part, symbols)
            e0 += [part.e0[z] for z in numbers.tolist()]
            for term, alpha in _bound(part):
                if isinstance(term, SoapTerm) and term.center in numbers:
                    soap.append(_soap_part(term, alpha))
                elif isinstance(term, AngleTerm) and term.kind.center in (0, *numbers):
                    angles.append(_angle_part(term, alpha))
                elif isinstance(term, DistanceTerm):
                    functions += _pair_functions(term, alpha)
        return Gap(
            self.cutoff,
            CLOSEST,
            numbers,
            e0,
            tuple(soap or [_no_soap()]),
            tuple(angles or [_no_angles()]),
            _pair_tables(functions, numbers.tolist()),
            soap_by_address(_no_soap()),
        )


@dataclass(frozen=True)
class _Function:
    """A tabulated function of the distance of two species, zero standing for any."""

    species: tuple[int, int]
    table: Table
    over_r: bool


def _components(potential: Potential) -> Iterator[GAP | ZBL]:
    """What a potential is the sum of."""
    if isinstance(potential, Sum):
        yield from _components(potential.left)
        yield from _components(potential.right)
    elif isinstance(potential, GAP):
        for term in potential.terms:
            if not isinstance(term, SoapTerm | DistanceTerm | AngleTerm):
                raise _no_form(type(term).__name__)
        yield potential
        if potential.baseline is not None:
            yield from _components(potential.baseline)
    elif isinstance(potential, ZBL):
        yield potential
    else:
        raise _no_form(type(potential).__name__)


def _no_form(name: str) -> InputError:
    return InputError(
        f"{name} has no compiled form, GapModel takes GAPs with a ZBL or another GAP as baseline; "
        "use AnyPotential(gap), which walks in plain Python"
    )


def _check(gap: GAP, symbols: Sequence[str]) -> None:
    unknown = set(symbols) - set(gap.species)
    if unknown:
        raise UnknownSpecies(sorted(unknown), gap.species)


def _bound(gap: GAP) -> Iterator[tuple[Term, Floats]]:
    """Every term with its own weights."""
    start = 0
    for term in gap.terms:
        yield term, gap.alpha[start : start + term.n_sparse]
        start += term.n_sparse


def _soap_part(term: SoapTerm, alpha: Floats) -> SoapPart:
    bound, density = term.evaluator(alpha), term.density
    return SoapPart(
        term.center,
        density._replace(cutoff=float(density.cutoff), width=float(density.width)),
        bound.term.rotated,
        float(term.zeta),
        bound.weights,
        bound.quadratic,
    )


def _no_soap() -> SoapPart:
    """A term that no atom carries: compiled tuples of parts need one."""
    basis = SoapBasis(2.0, 1, 0)
    term = SoapTerm(basis, 1, (1,), np.ones((1, 1)), zeta=1.0, delta=1.0)
    return _soap_part(term, np.zeros(1))._replace(center=NOBODY)


def _angle_part(term: AngleTerm, alpha: Floats) -> AnglePart:
    kind = term.kind
    return AnglePart(
        kind.center,
        np.array(kind.species, np.int64),
        float(kind.cutoff),
        float(kind.transition_width),
        BOTH_ORDERS,
        np.ascontiguousarray(term.points.T),
        np.array(kind.theta, float),
        float(kind.delta) ** 2,
        float(kind.f0) ** 2,
        (alpha * term.point_cutoffs)[None],
    )


def _no_angles() -> AnglePart:
    """A term without sparse points."""
    nothing, length = np.empty((3, 0)), np.ones(3)
    species = np.zeros(2, np.int64)
    return AnglePart(NOBODY, species, 1.0, 1.0, BOTH_ORDERS, nothing, length, 1.0, 0.0, np.empty((1, 0)))


def _pair_functions(term: DistanceTerm, alpha: Floats) -> list[_Function]:
    """The potential's own table, and one from where it begins down to where atoms count as one point."""
    kind, bound = term.kind, alpha * term.point_cutoffs
    own = term.evaluator(alpha).table
    found = [_Function(kind.species, own, over_r=False)]
    if own.start > CLOSEST:

        def energy(r: Floats) -> tuple[Floats, Floats]:
            given = PairDescriptors(np.arange(len(r)), *kind.of_distances(r))
            values, slopes = kind.covariances(given, term.points)
            return (values @ bound)[None], (slopes @ bound)[None]

        found.append(_Function(kind.species, _table(energy, CLOSEST, own.start), over_r=False))
    return found


def _repulsions(zbl: ZBL, numbers: Sequence[int]) -> list[_Function]:
    """Half of each pair's repulsion, times the distance so that it stays finite; a table on either side of
    the kink where it begins to be switched off."""
    found = []
    for a, z1 in enumerate(numbers):
        for z2 in numbers[a:]:

            def charge(r: Floats, z1: int = z1, z2: int = z2) -> tuple[Floats, Floats]:
                values, slopes = zbl.pair_energies(r, np.full(len(r), z1), np.full(len(r), z2))
                return (0.5 * r * values)[None], (0.5 * (values + r * slopes))[None]

            for low, stop in ((CLOSEST, zbl.inner), (max(zbl.inner, CLOSEST), zbl.outer)):
                if low < stop:
                    found.append(_Function((z1, z2), _table(charge, low, stop), over_r=True))
    return found


def _table(function: Callable[[Floats], tuple[Floats, Floats]], low: float, stop: float) -> Table:
    """Tabulate between two distances exactly."""
    largest = float(np.max(np.abs(function(np.linspace(low, stop, 200))[0])))
    table = tabulate(function, low, stop, stop - low, TABLE_ERROR + ROUNDING * largest)
    return table._replace(start=low)


def _pair_tables(functions: Sequence[_Function], numbers: Sequence[int]) -> PairTables:
    of_pair = [
        [f for f, given in enumerate(functions) if pair_matches(za, zb, *given.species)]
        for za, zb in product(numbers, numbers)
    ]
    tables = [given.table for given in functions]
    rows = [table.coefficients[0] for table in tables]
    return PairTables(
        first=np.cumsum([0] + [len(found) for found in of_pair]).astype(np.int64),
        which=np.array([f for found in of_pair for f in found], np.int64),
        start=np.array([table.start for table in tables], float),
        stop=np.array([table.stop for table in tables], float),
        inverse_step=np.array([table.inverse_step for table in tables], float),
        place=np.cumsum([0] + [len(row) for row in rows]).astype(np.int64),
        over_r=np.array([given.over_r for given in functions], bool),
        coefficients=np.concatenate([np.empty((0, 6)), *rows]),
    )
