"""Windows: steering arrives, restraints are harmonic, and both estimates average dF/ds over the samples."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.constraints import FixAtoms
from wells import Pair, Springs, pair

from gapsample.errors import InputError
from gapsample.free_energy.collective_force import DistanceField
from gapsample.free_energy.estimators import collective_force_average, umbrella_average
from gapsample.free_energy.samples import Window
from gapsample.free_energy.variables import Distance, Torsion, evaluate_all
from gapsample.free_energy.windows import Ensemble, Schedule, restrained, sample_window
from gapsample.rng import stream

R = Distance(0, 1)
TEMPERATURE = 300.0
PAIRS = Ensemble(Pair(), (R,), (DistanceField(R, (1,)),))
SHORT = Schedule(TEMPERATURE, 4.0, 0.1, n_steering=200, n_equilibration=200, n_steps=3000, every=5)


def test_a_restrained_potential_is_the_sum_and_its_forces_the_derivative():
    atoms = Atoms("C4", np.random.default_rng(1).normal(size=(4, 3)))
    variables = (R, Torsion(0, 1, 2, 3))
    window = Window((1.0, 3.0), (2.0, 0.5))
    whole = restrained(Springs(), variables, window)
    s, _ = evaluate_all(variables, atoms)
    away = s - np.array(window.center)
    away[1] = np.angle(np.exp(1j * away[1]))
    bias = 0.5 * np.sum(np.array(window.kappa) * away**2)
    here = whole.evaluate(atoms)
    assert here.energy == pytest.approx(Springs().evaluate(atoms).energy + bias)
    for index in ((0, 0), (1, 2), (3, 1)):
        ends = []
        for sign in (1e-5, -1e-5):
            moved = atoms.copy()
            moved.positions[index] += sign
            ends.append(whole.evaluate(moved, forces=False).energy)
        assert here.forces[index] == pytest.approx(-(ends[0] - ends[1]) / 2e-5, abs=1e-7)
    with pytest.raises(InputError, match="virial"):
        whole.evaluate(atoms, virial=True)


def test_two_particles_have_the_slope_of_v_minus_two_kt_log_r():
    z = []
    for number, center in enumerate(np.linspace(1.4, 2.6, 10)):
        window = Window((float(center),), (5.0,))
        run = sample_window(PAIRS, window, pair(2.0), SHORT, stream(7, walker=number))
        exact = Pair().slope(run.samples.s, TEMPERATURE)
        by_force = collective_force_average(run.samples)
        assert by_force.value == pytest.approx(exact.mean(axis=0), abs=1e-10)
        by_place = umbrella_average(run.samples, surface=lambda s: Pair().slope(s, TEMPERATURE))
        std = float(np.sqrt(by_place.covariance[0, 0]))
        assert std < 0.05
        z.append((by_place.value[0] - exact.mean()) / std)
    assert 0.5 < np.std(z) < 1.6
    assert abs(np.mean(z)) < 1.0


def test_steering_takes_a_start_far_away_into_its_window():
    run = sample_window(PAIRS, Window((4.0,), (50.0,)), pair(1.5), SHORT, stream(1))
    expected = (2.0 * 2.0 + 50.0 * 4.0) / 52.0
    assert run.samples.s.mean() == pytest.approx(expected, abs=0.02)


def test_steering_a_torsion_goes_the_short_way_round():
    atoms = Atoms("C4", [(1, 0.2, -1), (0, 0, 0), (0, 0, 1.5), (-1, 0, 2.5)], pbc=False)
    torsion = Torsion(0, 1, 2, 3)
    start = torsion.evaluate(atoms)[0]
    target = -np.sign(start) * 3.0
    ensemble = Ensemble(Springs(0.5), (torsion,))
    short = Schedule(100.0, 1.0, 0.05, n_steering=500, n_equilibration=100, n_steps=500, every=5)
    run = sample_window(ensemble, Window((target,), (3.0,)), atoms, short, stream(1))
    assert np.all(np.abs(run.samples.displacements()) < 1.0)
    assert np.min(np.abs(run.samples.s)) > 1.5


def test_kept_configurations_have_the_energy_without_restraint_and_the_predicted_error():
    ensemble = Ensemble(Springs(), (R,))
    short = Schedule(TEMPERATURE, 2.0, 0.02, 0, 0, n_steps=40, every=2, keep_every=5)
    run = sample_window(ensemble, Window((2.0,), (1.0,)), pair(), short, stream(3))
    assert run.samples.s.shape == (20, 1)
    assert run.samples.gradients is None
    assert run.visited.positions.shape == (4, 2, 3)
    for x, energy in zip(run.visited.positions, run.visited.energies, strict=True):
        assert energy == pytest.approx(Springs().evaluate(Atoms("Ar2", x)).energy)
    np.testing.assert_array_equal(run.visited.energy_std, 0.25)
    np.testing.assert_array_equal(run.visited.force_std, 0.5)
    np.testing.assert_array_equal(run.visited.positions[-1], run.last.positions)
    silent = sample_window(PAIRS, Window((2.0,), (1.0,)), pair(), short, stream(3))
    assert np.all(np.isnan(silent.visited.force_std))


def test_the_same_stream_gives_the_same_window():
    window = Window((2.0,), (1.0,))
    one, other = (sample_window(PAIRS, window, pair(), SHORT, stream(3)) for _ in range(2))
    np.testing.assert_array_equal(one.samples.s, other.samples.s)
    np.testing.assert_array_equal(one.last.velocities, other.last.velocities)


def test_collective_force_and_umbrella_agree_on_alanine():
    alanine = pytest.importorskip("alanine")
    atoms, potential, phi, psi, fields = alanine.alanine_dipeptide()
    ensemble = Ensemble(potential, (phi, psi), fields)
    kappa = 200.0 * units.kJ / units.mol
    window = Window((np.radians(-110.0), np.radians(90.0)), (kappa, kappa))
    short = Schedule(TEMPERATURE, 1.0, 0.01, 500, 500, n_steps=8000, every=5)
    samples = sample_window(ensemble, window, atoms, short, stream(5)).samples
    by_force, by_place = collective_force_average(samples), umbrella_average(samples)
    away = by_force.value - by_place.value
    chi2 = away @ np.linalg.solve(by_force.covariance + by_place.covariance, away)
    assert chi2 < 14.0
    assert np.all(np.diag(by_force.covariance) < np.diag(by_place.covariance))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Window((1.0,), (1.0, 2.0)),
        lambda: Window((), ()),
        lambda: Window((np.nan,), (1.0,)),
        lambda: Window((1.0,), (-1.0,)),
        lambda: Schedule(0.0),
        lambda: Schedule(300.0, n_steps=5, every=10),
        lambda: Schedule(300.0, n_steering=-1),
        lambda: Ensemble(Pair(), (R,), ()),
        lambda: sample_window(PAIRS, Window((1.0, 1.0), (1.0, 1.0)), pair(), SHORT, stream(1)),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        wrong()


def test_a_field_may_not_move_fixed_atoms():
    atoms = pair()
    atoms.set_constraint(FixAtoms([1]))
    with pytest.raises(InputError, match="fixed"):
        sample_window(PAIRS, Window((2.0,), (1.0,)), atoms, SHORT, stream(1))
