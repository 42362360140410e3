"""The exact Gaussian process is the oracle: the weight space must say the same."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from gapsample.gp import dense
from gapsample.gp.conjugate_gradient import GradientData, MatrixFree
from gapsample.gp.features import Features
from gapsample.gp.spectra import Open, Periodic
from gapsample.gp.weight_space import Accumulator, WeightSpace

PROBLEMS = [
    ((Periodic(2 * np.pi),), (0.7,)),
    ((Open(0.0, 1.0),), (0.22,)),
    ((Periodic(2 * np.pi), Open(0.0, 1.0)), (0.9, 0.2)),
]


def windows(axes, n, rng):
    for _ in range(n):
        center = np.array([rng.uniform(0.2, 0.8) * axis.extent for axis in axes])
        root = rng.standard_normal((len(axes), len(axes)))
        noise = 0.01 * (root @ root.T + np.eye(len(axes)))
        yield center + 0.05 * rng.standard_normal((20, len(axes))), rng.standard_normal(len(axes)), noise


@pytest.mark.parametrize(("axes", "lengths"), PROBLEMS)
def test_weight_space_equals_the_dense_gaussian_process(axes, lengths):
    rng = np.random.default_rng(4)
    d = len(axes)
    features = Features.choose(axes, lengths, 4000, 1e-12)
    accumulator, seen, values, noises = Accumulator(len(features)), [], [], []
    for points, value, noise in windows(axes, 12, rng):
        accumulator.absorb(features.gradient_rows(features.average(points)), value, noise)
        seen += [dense.Functional(points, np.full(20, 0.05), a) for a in range(d)]
        values.append(value)
        noises.append(noise)
    x = np.log([1.3, *lengths])
    asked = np.array([[rng.uniform(0.2, 0.8) * axis.extent for axis in axes] for _ in range(5)])
    questions = [dense.Functional(np.array([q, asked[0]]), np.array([1.0, -1.0]), None) for q in asked[1:]]
    exact = dense.posterior(axes, x, (seen, np.concatenate(values), block_diag(*noises)), questions)
    found = WeightSpace(features, accumulator.sums()).posterior(x)
    rows = features.values(asked)[1:] - features.values(asked)[0]
    assert np.allclose(rows @ found.mean, exact.mean, atol=1e-6)
    assert np.allclose(found.covariance(rows), exact.covariance, atol=1e-6)
    assert found.log_evidence == pytest.approx(exact.log_evidence, abs=1e-6)


def test_conjugate_gradients_find_the_same_mean_without_the_matrix():
    rng = np.random.default_rng(5)
    axes, lengths = (Periodic(2 * np.pi),) * 3, (0.7,) * 3
    features = Features.choose(axes, lengths, 1500)
    points, values, noises = (list(part) for part in zip(*windows(axes, 40, rng), strict=True))
    accumulator = Accumulator(len(features))
    for some, value, noise in zip(points, values, noises, strict=True):
        accumulator.absorb(features.gradient_rows(features.average(some)), value, noise)
    exact = WeightSpace(features, accumulator.sums()).posterior(np.log([1.3, *lengths]))
    data = GradientData.of(features, points, np.array(values), np.array(noises))
    solver = MatrixFree.prepare(features, data, exact.deviations)
    assert len(features) > len(solver.leading)
    assert np.allclose(solver.mean(), exact.mean, atol=1e-6 * np.max(np.abs(exact.mean)))


def test_draws_by_conjugate_gradients_scatter_as_the_posterior_does():
    rng = np.random.default_rng(6)
    axes, lengths = (Periodic(2 * np.pi),), (0.5,)
    features = Features.choose(axes, lengths, 60)
    points, values, noises = (list(part) for part in zip(*windows(axes, 8, rng), strict=True))
    accumulator = Accumulator(len(features))
    for some, value, noise in zip(points, values, noises, strict=True):
        accumulator.absorb(features.gradient_rows(features.average(some)), value, noise)
    exact = WeightSpace(features, accumulator.sums()).posterior(np.log([1.0, *lengths]))
    data = GradientData.of(features, points, np.array(values), np.array(noises))
    draws = MatrixFree.prepare(features, data, exact.deviations).draws(400, rng)
    rows = features.values(np.array([[0.5], [2.0], [4.0]]))
    assert np.std(draws @ rows.T, axis=0) == pytest.approx(np.sqrt(exact.variance(rows)), rel=0.12)
