"""The weight space beside the dense Gaussian process: the same posterior, CPU time as a ratio.

``python tests/benchmarks/surface.py``. Averaged gradients on a torus of four angles, one point a window; the
dense process is given the same kernel matrix for nothing but its Cholesky decomposition, which is the least
it can do. The last line is one JSON object of ratios, dense over weight space, for each number of windows.
"""

from __future__ import annotations

import json
import time

import numpy as np
from scipy.linalg import cho_factor

from gapsample.gp.features import Features
from gapsample.gp.spectra import Periodic
from gapsample.gp.weight_space import Accumulator, WeightSpace

DIMENSION = 4
LENGTH = 1.5
MODES = 800
WINDOWS = (250, 500, 1000, 1500)


def main() -> None:
    axes = (Periodic(2.0 * np.pi),) * DIMENSION
    lengths = np.log((LENGTH,) * DIMENSION)
    features = Features.choose(axes, lengths, MODES)
    variances = features.prior(lengths).variances
    ratios: dict[str, float] = {}
    for n in WINDOWS:
        rng = np.random.default_rng(n)
        points = rng.uniform(0.0, 2.0 * np.pi, (n, 1, DIMENSION))
        values = rng.standard_normal((n, DIMENSION))
        streamed = seconds(lambda p=points, v=values: in_weight_space(features, p, v))
        rows = features.gradients(points[:, 0]).reshape(-1, len(features))
        kernel = (rows * variances) @ rows.T + 0.1 * np.eye(len(rows))
        dense = seconds(lambda k=kernel: cho_factor(k))
        ratios[f"dense_over_weights_{n}"] = round(dense / streamed, 2)
        print(f"{n:5d} windows, {len(features)} modes: {streamed:.2f} s, dense Cholesky alone {dense:.2f} s")
    print(json.dumps(ratios))


def in_weight_space(features: Features, points: np.ndarray, values: np.ndarray) -> None:
    accumulator = Accumulator(len(features))
    noise = 0.1 * np.eye(DIMENSION)
    for some, value in zip(points, values, strict=True):
        accumulator.absorb(features.gradient_rows(features.average(some)), value, noise)
    WeightSpace(features, accumulator.sums()).posterior(np.log([1.0, *(LENGTH,) * DIMENSION]))


def seconds(task: object) -> float:
    """CPU time of one call."""
    start = time.process_time()
    task()  # type: ignore[operator]
    return time.process_time() - start


if __name__ == "__main__":
    main()
