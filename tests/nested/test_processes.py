"""Whoever walks the clones, the numbers are the same; a worker that dies costs its task only."""

import os

import numpy as np
import pytest
from walking_cell import CELL, LJ, Deadly, family, run

from gapsample.sampling import loop
from gapsample.sampling.executors import cluster, local, threads

COLUMNS = ("value", "label", "birth", "birth_label", "insertion", "ancestor")
SHORT = loop.steps(12)


def same(results, others):
    for one, other in zip(results, others, strict=True):
        for column in COLUMNS:
            if not np.array_equal(getattr(one.points, column), getattr(other.points, column), equal_nan=True):
                return False
        live, also = one.finished.state.live, other.finished.state.live
        if not np.array_equal(live.coordinates, also.coordinates):
            return False
    return True


@pytest.fixture(scope="module", params=[run, family], ids=["run", "family"])
def sample(request):
    return request.param


@pytest.fixture(scope="module")
def alone(sample):
    return sample(until=SHORT)


@pytest.fixture(scope="module")
def processes():
    with local(2) as pool:
        yield pool


def test_threads_change_nothing(sample, alone):
    for n_threads in (2, 3):
        with threads(n_threads) as pool:
            assert same(sample(executor=pool, until=SHORT), alone)


def test_processes_change_nothing(sample, alone, processes):
    assert same(sample(executor=processes, until=SHORT), alone)


@pytest.fixture(scope="module")
def machines():
    distributed = pytest.importorskip("distributed", reason="dask is an extra: gapsample[cluster]")
    options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with distributed.LocalCluster(processes=True, silence_logs=50, **options) as local_machines:
        yield local_machines


def test_a_cluster_changes_nothing(sample, alone, machines):
    with cluster(machines.scheduler_address) as pool:
        assert same(sample(executor=pool, until=SHORT), alone)


def test_a_worker_process_that_dies_costs_its_task_only(tmp_path):
    mark = tmp_path / "died"
    deadly = Deadly(4, LJ, CELL.pressure, largest_volume=20.0, mark=str(mark), maker=os.getpid())
    with local(2) as pool:
        found = run(executor=pool, until=SHORT, problem=deadly)
        assert mark.exists()
        assert 1 <= pool.deaths <= 2
    assert same(found, run(until=SHORT))
