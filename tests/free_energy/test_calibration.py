"""Error bars one can bet on: over many problems and samples, z-scores have unit spread."""

import numpy as np
import pytest
from exact_surfaces import DoubleWell, Torus, umbrella

from gapsample.free_energy import Options, Surface

pytestmark = pytest.mark.slow

TURN = 2.0 * np.pi


def torus(d, rng):
    """Another random function and windows in random places for each replicate; independent samples."""
    problem = Torus.random(d, {1: 3, 2: 5, 4: 8, 6: 8}[d], rng)
    kappa = 2.0 * problem.curvature + 20.0
    if d == 1:
        centers = (np.arange(24)[:, None] + rng.uniform()) * TURN / 24
    else:
        centers = rng.uniform(0.0, TURN, ({2: 100, 4: 150, 6: 400}[d], d))
    return problem, [umbrella(problem.window(c, kappa, 50, rng), c, kappa) for c in centers]


def well(rng):
    problem = DoubleWell(a=rng.uniform(3.0, 8.0), b=rng.uniform(-2.0, 2.0))
    centers = np.linspace(-1.6, 1.6, 30)[:, None] + rng.uniform(-0.05, 0.05)
    return problem, [umbrella(problem.window(c, 200.0, 100, rng), c, 200.0) for c in centers]


def spread(scores):
    return float(np.sqrt(np.mean(np.square(scores))))


@pytest.mark.parametrize(("d", "n_replicates"), [(1, 100), (2, 50), (4, 50), (6, 50)])
def test_differences_on_the_torus_are_off_by_what_they_say(d, n_replicates):
    scores = []
    for seed in range(n_replicates):
        rng = np.random.default_rng([d, seed])
        problem, windows = torus(d, rng)
        surface = Surface.fit(windows, (TURN,) * d, options=Options(most_modes=1400 if d == 6 else 700))
        for a, b in rng.uniform(0.0, TURN, (10, 2, d)):
            value, std = surface.difference(a, b)
            scores.append((value - np.diff(problem.values(np.array([a, b])))[0]) / std)
    print(f"d={d}: {len(scores)} differences, spread {spread(scores):.3f}, mean {np.mean(scores):.3f}")
    assert spread(scores) == pytest.approx(1.0, abs=0.1 if d < 6 else 0.13)
    assert abs(np.mean(scores)) < 0.2


def test_differences_and_barriers_of_double_wells_are_off_by_what_they_say():
    differences, barriers = [], []
    x = np.linspace(-1.5, 1.5, 6001)[:, None]
    for seed in range(100):
        rng = np.random.default_rng(seed)
        problem, windows = well(rng)
        surface = Surface.fit(windows, (None,))
        for a, b in rng.uniform(-1.4, 1.4, (10, 2, 1)):
            value, std = surface.difference(a, b)
            differences.append((value - np.diff(problem.values(np.array([a, b])))[0]) / std)
        height = problem.values(x)
        left = int(np.argmin(np.where(x[:, 0] < 0.0, height, np.inf)))
        right = int(np.argmin(np.where(x[:, 0] > 0.0, height, np.inf)))
        value, std = surface.barrier(x[left], x[right], rng)
        barriers.append((value - height[left:right].max() + height[left]) / std)
    print(f"wells: differences {spread(differences):.3f}, barriers {spread(barriers):.3f}")
    assert spread(differences) == pytest.approx(1.0, abs=0.1)
    assert spread(barriers) == pytest.approx(1.0, abs=0.2)
