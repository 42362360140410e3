"""Engines by name: every kind of table becomes the potential it says, here and in other processes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from gapsample.errors import SettingsError
from gapsample.journeys.engines import Tip3p, anchored_model, engine_of, mm_of
from gapsample.journeys.nested_potentials import CalculatorModel, GapModel
from gapsample.journeys.sources import Python
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.protocol import Potential
from gapsample.reference import TightBinding

FUNCTIONS = """
from ase.calculators.emt import EMT

def calculator():
    return EMT()

def potential():
    from gapsample.reference import TightBinding
    return TightBinding(electronic_temperature=500.0)

def something():
    return 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "engine.py"
    path.write_text(FUNCTIONS, encoding="utf-8")
    return path


def hot(symbol: str = "Cu") -> Atoms:
    atoms = bulk(symbol, cubic=True)
    atoms.rattle(0.05, seed=0)
    return atoms


def test_an_engine_is_what_its_table_names_also_after_a_journey(file: Path) -> None:
    models = [CalculatorModel("emt"), Python(file, "calculator")]
    exact = FromCalculator(EMT()).evaluate(hot()).forces
    for model in models:
        for engine in (engine_of(model), pickle.loads(pickle.dumps(engine_of(model))), mm_of(model)):
            assert isinstance(engine, Potential)
            np.testing.assert_array_equal(engine.evaluate(hot()).forces, exact)


def test_tight_binding_and_functions_that_return_potentials_keep_their_settings(file: Path) -> None:
    warm = TightBinding(electronic_temperature=500.0)
    assert mm_of(warm) is warm
    there = engine_of(Python(file, "potential")).evaluate(hot("Si"))
    assert there.energy == engine_of(warm).evaluate(hot("Si")).energy


def test_water_comes_by_its_name() -> None:
    pytest.importorskip("openmm", reason="the extra gapsample[openmm] is not installed")
    assert mm_of(Tip3p(7.0)).cutoff == 7.0  # type: ignore[attr-defined]


def test_what_is_no_potential_is_refused_by_name(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"something of engine.py must return .* got int"):
        mm_of(Python(file, "something"))
    with pytest.raises(SettingsError, match="calculator"):
        mm_of(CalculatorModel("emmt"))


def test_paths_start_from_the_folder_of_the_config(tmp_path: Path) -> None:
    assert anchored_model(GapModel(Path("gap.npz")), tmp_path).model == tmp_path / "gap.npz"
    assert anchored_model(Python(Path("a.py"), "f"), tmp_path).file == tmp_path / "a.py"
    emt = CalculatorModel("emt")
    assert anchored_model(emt, tmp_path) is emt
