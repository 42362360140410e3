"""Pair potentials for moves of all atoms: energies as in the walks of single atoms, and their forces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import special_ortho_group

from gapsample.compiled.walks_models import evaluate
from gapsample.errors import InputError, UnknownSpecies
from gapsample.nested import LennardJones, PairBox, PairCell, Tabulated, morse
from gapsample.nested.pair_models import Mixture, PairModel

NO_FORCES = np.empty((0, 3))
LJ = LennardJones()


def shifted_lj(r):
    s6 = r**-6.0
    return 4 * (s6 * s6 - s6) - 4 * (3.0**-12 - 3.0**-6), 4 * (6 * s6 - 12 * s6 * s6) / r


TABLE = Tabulated.of(shifted_lj, 0.5, 3.0, 1.0)
SMALL = LennardJones(0.5, 0.8, 2.4)
CLOSED = Mixture({("Ar", "Ar"): LJ, ("Ne", "Ar"): LennardJones(1.3, 0.9, 2.5), ("Ne", "Ne"): SMALL})
TABLED = Mixture({("Ar", "Ar"): LJ, ("Ar", "Ne"): morse(1.3, 6.0, 1.0, 2.5), ("Ne", "Ne"): TABLE})
MODELS = {"closed": PairModel(LJ), "table": PairModel(TABLE), "mixture": CLOSED, "mixed forms": TABLED}
CELLS = {
    "roomy": np.diag([6.5, 7.0, 8.0]),
    "large and skew": np.array([[7.0, 0, 0], [1.0, 7.5, 0], [-0.5, 2.0, 8.0]]),
    "flat": np.diag([7.0, 7.0, 2.1]),
    "small and skew": np.array([[2.4, 0, 0.1], [0.9, 2.3, 0], [-0.5, 0.7, 2.6]]),
}


def compiled(model):
    return model.compiled(("Ar", "Ne"))


def configuration(cell, n, seed=0, apart=0.8):
    """Positions, no closer than some distance where there is room, and species."""
    rng = np.random.default_rng(seed)
    best = rng.random((n, 3)) @ cell
    for _ in range(200):
        trial = rng.random((n, 3)) @ cell
        if closest(trial, cell) > closest(best, cell):
            best = trial
        if closest(best, cell) > apart:
            break
    return best, rng.integers(2, size=n)


def closest(x, cell):
    s = (x[:, None] - x) @ np.linalg.inv(cell)
    d = np.linalg.norm((s - np.round(s)) @ cell, axis=2)
    return np.min(d + 9.0 * np.eye(len(x)))


def of(model, x, species, cell):
    forces = np.full((len(x), 3), np.nan)
    energy = evaluate(compiled(model), x, species, cell, forces)
    assert energy == pytest.approx(evaluate(compiled(model), x, species, cell, NO_FORCES), rel=1e-12)
    return energy, forces


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_forces_are_minus_the_slopes_of_the_energy(model, cell):
    x, species = configuration(cell, 6)
    _, forces = of(model, x, species, cell)
    h = 1e-5
    for i in range(6):
        for k in range(3):
            step = np.zeros_like(x)
            step[i, k] = h
            up, down = (of(model, x + sign * step, species, cell)[0] for sign in (1, -1))
            assert forces[i, k] == pytest.approx((down - up) / (2 * h), rel=2e-6, abs=1e-5)
    assert np.allclose(forces.sum(axis=0), 0.0, atol=1e-9 * np.abs(forces).max())


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_energy_is_the_sum_over_all_images(model, cell):
    x, species = configuration(cell, 5, apart=0.9)
    between = {
        frozenset((s, t)): model._between(s, t) if isinstance(model, Mixture) else model.potential
        for s in ("Ar", "Ne")
        for t in ("Ar", "Ne")
    }
    steps = np.arange(-4, 5)
    shifts = np.array(np.meshgrid(steps, steps, steps)).reshape(3, -1).T @ cell
    expected = 0.0
    for i in range(5):
        for j in range(5):
            r = np.linalg.norm(x[j] - x[i] + shifts, axis=1)
            potential = between[frozenset(("Ar", "Ne")[s] for s in (species[i], species[j]))]
            expected += 0.5 * plain(potential, r[(r > 1e-9) & (r < potential.cutoff)]).sum()
    assert of(model, x, species, cell)[0] == pytest.approx(expected, rel=1e-9, abs=1e-7)


def plain(potential, r):
    if isinstance(potential, LennardJones):
        sigma, s6 = potential.sigma / potential.cutoff, (potential.sigma / r) ** 6
        return 4 * potential.epsilon * (s6 * s6 - s6 - sigma**12 + sigma**6)
    if potential is TABLE:
        return shifted_lj(r)[0]
    decay, last = np.exp(-6.0 * (r - 1.0)), np.exp(-6.0 * 1.5)
    return 1.3 * (decay * decay - 2 * decay - last * last + 2 * last)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(list(MODELS)), shape=st.sampled_from(list(CELLS)))
def test_energy_does_not_change_by_shifts_turns_wraps_and_new_order(seed, name, shape):
    rng, model, cell = np.random.default_rng(seed), MODELS[name], CELLS[shape]
    x, species = configuration(cell, 5, seed)
    energy, forces = of(model, x, species, cell)
    turn = special_ortho_group.rvs(3, random_state=seed)
    order = rng.permutation(5)
    changes = {
        "shift": (x + rng.normal(size=3), cell, forces, species),
        "turn": (x @ turn, cell @ turn, forces @ turn, species),
        "wrap": (x + rng.integers(-3, 4, size=(5, 3)) @ cell, cell, forces, species),
        "order": (x[order], cell, forces[order], species[order]),
    }
    for changed, new_cell, expected, kinds in changes.values():
        e, f = of(model, changed, kinds, new_cell)
        assert e == pytest.approx(energy, rel=1e-8, abs=1e-8)
        assert np.allclose(f, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "potential", [LJ, TABLE, morse(1.0, 6.0, 1.12, 3.0)], ids=["closed", "table", "morse"]
)
def test_energies_are_those_of_the_walks_of_single_atoms(potential):
    keys = np.random.default_rng(1).integers(2**64, size=40, dtype=np.uint64)
    model = PairModel(potential).compiled(("Ar",))
    box = PairBox(9, 6.5, potential)
    cell = PairCell(4, potential, pressure=0.1, largest_volume=20.0)
    for problem, pressure in ((box, 0.0), (cell, 0.1)):
        points, values = problem.draw(keys)
        for point, value in zip(points, values, strict=True):
            atoms = problem.atoms(point)
            x, lattice = np.ascontiguousarray(atoms.positions), np.ascontiguousarray(atoms.cell.array)
            energy = evaluate(model, x, np.zeros(len(x), np.int64), lattice, NO_FORCES)
            if energy < 1e3:
                expected = value - pressure * atoms.get_volume()
                assert energy == pytest.approx(expected, rel=1e-6, abs=2e-5)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_coinciding_atoms_have_a_high_finite_energy_and_are_pushed_apart(model, cell):
    x = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    for away in (0.0, 1e-9, 1e-3):
        x[1, 2] = 1.0 + away
        for species in ([0, 0], [0, 1], [1, 1]):
            energy, forces = of(model, x, np.array(species), cell)
            assert np.isfinite(energy)
            assert energy > 1e4
            assert np.isfinite(forces).all()
            assert away == 0.0 or forces[1, 2] > 0.0


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_what_is_not_a_number_stays_so(model, cell):
    x, species = configuration(cell, 4)
    assert np.isnan(evaluate(compiled(model), x, species, np.full((3, 3), np.nan), np.empty((4, 3))))
    x[2, 1] = np.nan
    assert np.isnan(evaluate(compiled(model), x, species, cell, np.empty((4, 3))))


def test_one_atom_meets_its_own_images():
    x, cell = np.zeros((1, 3)), np.diag([1.2, 1.2, 50.0])
    energy, forces = of(PairModel(LJ), x, np.zeros(1, np.int64), cell)
    steps = np.arange(-3, 4)
    r = 1.2 * np.hypot(*np.meshgrid(steps, steps)).ravel()
    assert energy == pytest.approx(0.5 * plain(LJ, r[(r > 0) & (r < 3.0)]).sum(), rel=1e-12)
    assert np.abs(forces).max() == 0.0


def test_species_that_do_not_feel_each_other_pass_through_each_other():
    model = Mixture({("Ar", "Ar"): LJ, ("Ar", "Ne"): None, ("Ne", "Ne"): None})
    x = np.array([[0.0, 0, 0], [0.1, 0, 0], [1.1, 0, 0]])
    for cell in CELLS.values():
        alone = of(model, x[[0, 2]], np.zeros(2, np.int64), cell)[0]
        assert of(model, x, np.array([0, 1, 0]), cell)[0] == pytest.approx(alone, rel=1e-12)


def test_a_cell_too_thin_for_its_images_has_no_energy():
    thin = np.diag([1e-3, 1e-3, 1e-3])
    assert np.isnan(
        evaluate(compiled(PairModel(LJ)), np.zeros((1, 3)), np.zeros(1, np.int64), thin, NO_FORCES)
    )


def test_unusable_mixtures_say_what_is_missing():
    with pytest.raises(InputError, match="both orders"):
        Mixture({("Ar", "Ne"): LJ, ("Ne", "Ar"): LJ})
    with pytest.raises(InputError, match="at least"):
        Mixture({("Ar", "Ne"): None})
    with pytest.raises(InputError, match="Ne with Ne"):
        Mixture({("Ar", "Ar"): LJ, ("Ar", "Ne"): LJ}).compiled(("Ar", "Ne"))
    with pytest.raises(UnknownSpecies, match="Kr"):
        CLOSED.compiled(("Ar", "Kr"))


def test_fingerprints_tell_models_apart():
    models = [*MODELS.values(), PairModel(SMALL), Mixture({("Ar", "Ar"): LJ}), Mixture({("Ne", "Ne"): LJ})]
    assert len({model.fingerprint for model in models}) == len(models)
    swapped = Mixture({pair[::-1]: potential for pair, potential in CLOSED.potentials.items()})
    assert swapped.fingerprint == CLOSED.fingerprint
