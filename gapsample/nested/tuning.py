"""Step sizes tuned on copies, and walk lengths adapted until clones forget their ancestors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.nested.diagnostics import rank_correlation
from gapsample.nested.live import Live
from gapsample.nested.problem import Ceiling, Floats, Keys, Problem, Walk
from gapsample.nested.settings import Settings

COPIES = 8
ROUNDS = 3
SHORT_WALK = 10
SMALLEST_STEP = 1e-12  # of the largest
FASTEST = 2.0  # largest factor of one round
GROWTH = 1.25


def tuned_steps(
    problem: Problem, live: Live, ceiling: Ceiling, steps: Floats, aim: float, keys: NDArray[np.uint64]
) -> Floats:
    """Step sizes that bring the acceptance nearer to `aim`; shape (n_moves,).

    Copies of some live points walk and are thrown away, so that no live point ever takes part in choosing
    the steps that move it.

    Parameters
    ----------
    keys : shape (ROUNDS, COPIES)
    """
    largest = problem.largest_steps
    if len(largest) == 0:
        return steps
    for round_keys in keys:
        chosen = (round_keys % np.uint64(len(live.value))).astype(np.int64)
        copies = Walk(live.coordinates[chosen], live.value[chosen], ceiling, steps, SHORT_WALK, round_keys)
        walked = problem.walk(copies)
        tried, accepted = walked.tried.sum(axis=0), walked.accepted.sum(axis=0)
        rate = np.where(tried > 0, accepted / np.maximum(tried, 1), aim)
        factor = np.clip(np.exp(2.0 * (rate - aim)), 1.0 / FASTEST, FASTEST)
        steps = np.clip(steps * np.where(np.isinf(largest), 1.0, factor), SMALLEST_STEP * largest, largest)
    return steps


def tuning_keys(seeds: Keys) -> Keys:
    """The keys of one tuning, from ROUNDS * COPIES of them."""
    return seeds.reshape(ROUNDS, COPIES)


def adapted_length(length: int, ranks: Floats, settings: Settings) -> int:
    """Longer walks where clones remember their ancestors beyond doubt, slowly shorter ones where not."""
    n = ranks.shape[1]
    if n < settings.pairs_remembered // 2:
        return length
    correlation, noise = rank_correlation(*ranks), 1.0 / np.sqrt(n)
    if correlation > settings.memory + noise:
        length = int(np.ceil(length * GROWTH))
    elif correlation < settings.memory - 2.0 * noise:
        length = int(length / GROWTH**0.25)
    return int(np.clip(length, settings.shortest_walk, settings.longest_walk))
