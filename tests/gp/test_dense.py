"""The exact Gaussian process is the oracle: the weight space must say the same."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from gapsample.gp import dense
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
    features = Features.choose(axes, np.log(lengths), 4000, 1e-12)
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
    unmixed = np.concatenate([x, np.zeros(features.n_parameters - d)])
    found = WeightSpace(features, accumulator.sums()).posterior(unmixed)
    rows = features.values(asked)[1:] - features.values(asked)[0]
    assert np.allclose(rows @ found.mean, exact.mean, atol=1e-6)
    assert np.allclose(found.covariance(rows), exact.covariance, atol=1e-6)
    assert found.log_evidence == pytest.approx(exact.log_evidence, abs=1e-6)
