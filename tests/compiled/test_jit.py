"""What the project promises of its compiled functions."""

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
