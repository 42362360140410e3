"""Clones of one iteration walked by several workers; the result does not depend on how many."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np

from gapsample.nested.problem import Problem, Walk, Walked
from gapsample.sampling.executors import run_all


class Shared:
    """Walks tasks in `n_shares` parts on an executor; takes the place of ``problem.walk``.

    Parameters
    ----------
    executor : threads where the walk releases the GIL, else processes or a cluster
    n_shares : parts of one task, usually the number of workers
    """

    def __init__(self, problem: Problem, executor: Executor, n_shares: int) -> None:
        self.problem, self.executor, self.n_shares = problem, executor, n_shares

    def __call__(self, task: Walk) -> Walked:
        """Walk all clones of a task."""
        parts = [p for p in np.array_split(np.arange(len(task.values)), self.n_shares) if len(p)]
        if len(parts) == 1:
            return self.problem.walk(task)
        tasks = [
            task._replace(
                coordinates=task.coordinates[p[0] : p[-1] + 1],
                values=task.values[p[0] : p[-1] + 1],
                keys=task.keys[p[0] : p[-1] + 1],
            )
            for p in parts
        ]
        shares = run_all(self.executor, self.problem.walk, tasks)
        return Walked(*(np.concatenate(column) for column in zip(*shares, strict=True)))
