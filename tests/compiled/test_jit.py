"""What the project promises of its compiled functions."""

import os
import subprocess
import sys

import numpy as np

from gapsample.compiled.jit import forget, njit


@njit(relaxed=True)
def mean_of_finite(x: np.ndarray) -> float:
    total, n = 0.0, 0
    for value in x:
        if not np.isnan(value):
            total += value
            n += 1
    return total / n


def test_relaxed_arithmetic_still_sees_nan() -> None:
    assert mean_of_finite(np.array([1.0, np.nan, 3.0])) == 2.0


def test_division_by_zero_is_infinite_not_an_exception() -> None:
    assert np.isnan(mean_of_finite(np.array([np.nan])))


def test_functions_compile_where_no_machine_code_can_be_kept() -> None:
    made: dict = {}
    exec("def twice(x):\n    return 2.0 * x\n", made)  # no source file, so no place for a cache
    assert njit(made["twice"])(4.0) == 8.0


def test_forgetting_deletes_kept_machine_code_only(tmp_path) -> None:
    kept = tmp_path / "__pycache__"
    kept.mkdir()
    for name in ("a.nbi", "a.1.nbc", "a.pyc"):
        (kept / name).touch()
    assert forget(tmp_path) == 2
    assert [path.name for path in kept.iterdir()] == ["a.pyc"]


OWN_MODEL = """
from typing import NamedTuple
import numpy as np
from gapsample.compiled.jit import njit
from gapsample.compiled.walks_pairs import Pairs

class {name}(NamedTuple):
    x: float

@njit
def square(model):
    return model.x ** 2

print(square({name}(3.0)))
"""


def test_code_kept_for_a_class_that_is_no_more_does_no_harm(tmp_path) -> None:
    script = tmp_path / "own_model.py"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    for name in ("First", "Second"):
        script.write_text(OWN_MODEL.format(name=name))
        os.utime(script, (1e9, 1e9))  # the file looks as old as before
        command = [sys.executable, str(script)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.stdout.strip() == "9.0", ended.stderr
