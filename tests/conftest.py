"""Tests may import the laws in `tests/contracts` as ``contracts.…``, and share a dask cluster."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of the scheduler of a dask cluster in this process."""
    distributed = pytest.importorskip("distributed", reason="dask is an extra: gapsample[cluster]")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address=None,
        silence_logs=50,
    ) as cluster:
        yield cluster.scheduler_address
