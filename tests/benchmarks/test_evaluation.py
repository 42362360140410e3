"""The evaluation benchmark in small: ours and quippy's side by side, never asserted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from silicon import moving, silicon, silicon_gap

from gapsample.potential.quip.write import write_quip

SPARSE = 200


@pytest.mark.benchmark(group="energy, forces and virial of 64 atoms")
def test_ours(benchmark: Any) -> None:
    gap, moved = silicon_gap(SPARSE), moving(silicon(2))
    benchmark(lambda: gap.evaluate(moved(), virial=True))


@pytest.mark.benchmark(group="energy, forces and virial of 64 atoms")
def test_quippy(benchmark: Any, tmp_path: Path) -> None:
    potential = pytest.importorskip("quippy.potential")
    write_quip(silicon_gap(SPARSE), tmp_path / "gap.xml")
    theirs, moved = potential.Potential(param_filename=str(tmp_path / "gap.xml")), moving(silicon(2))
    benchmark(lambda: theirs.calculate(moved(), ["energy", "forces", "stress"]))
