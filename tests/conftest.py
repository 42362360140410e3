"""Tests may import the laws in `tests/contracts` as ``contracts.…``, and share a dask cluster."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy: sums over several threads are not the same twice

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
