"""Beside every transition stands what the phases on its two sides look like."""

from __future__ import annotations

import json

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from nested_studies import CELL, written

from gapsample.errors import FileFormatError, InputError
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_plan import PhaseLook
from gapsample.journeys.nested_preview import check_nested
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.phase_structure import between, resemblance
from gapsample.journeys.phases import phases
from gapsample.journeys.phases_output import as_csv, as_text, write_figure
from gapsample.journeys.thermo import thermo

REFERENCES = """
[phases.references]
fcc = "fcc.xyz"
diamond = "diamond.xyz"
chain = "chain.xyz"
"""
GRID = np.linspace(0.45, 2.0, 60)


pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, no_pictures):
    folder = tmp_path_factory.mktemp("phases")
    ase.io.write(folder / "fcc.xyz", bulk("Ar", "fcc", a=1.6, cubic=True))
    ase.io.write(folder / "diamond.xyz", bulk("Ar", "diamond", a=3.0))
    chain = bulk("Ar", "sc", a=1.1)
    chain.set_cell([1.1, 3.0, 3.0])
    ase.io.write(folder / "chain.xyz", chain)
    begin(load_nested_config(written(folder, CELL + REFERENCES), ["stop.lowest_temperature=0.45"]))
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return phases([folder / "cell"], temperatures=GRID, n_draws=20)


def test_the_condensed_phase_is_told_from_the_vapor(found):
    transitions = [t for line in found.diagram.lines for t in line.transitions]
    assert {t.pressure for t in transitions} == {0.05, 0.2}
    for each in transitions:
        below, above = found.sides(each.pressure, each.temperature)
        assert below.temperature < each.temperature < above.temperature
        assert below.resembles == "fcc"
        coordination = [phase.seen["coordination"] for phase in (below, above)]
        assert abs(coordination[0].value - 12.0) < 1.0
        assert coordination[1].value < 4.0
        assert below.seen["volume"].value < 1.5 < 3.0 < above.seen["volume"].value
        assert below.seen["Q6"].value > above.seen["Q6"].value
        for phase in (below, above):
            assert all(mean.err > 0.0 and mean.seeds_err >= 0.0 for mean in phase.seen.values())


def test_averages_agree_with_those_of_all_points(folder, found):
    """Volumes are known of every point, structures of kept ones only."""
    for pressure, seen in found.structures.items():
        for phase in seen:
            here = folder / "cell" / f"pressure_{pressure:g}"
            (group,) = thermo([here], temperatures=np.array([phase.temperature]))
            whole, mean = group.found.means["volume"], phase.seen["volume"]
            assert abs(2.0 * mean.value - whole.value[0]) < 4.0 * np.hypot(2.0 * mean.err, whole.err[0])


def test_the_crystal_is_like_its_reference_and_no_other(found):
    below, _ = found.sides(*first(found))
    assert below.seen["like fcc"].value > 0.8
    assert below.seen["like chain"].value < below.seen["like fcc"].value <= 1.0


def first(found):
    transition = found.diagram.lines[0].transitions[0]
    return transition.pressure, transition.temperature


def test_crystals_are_known_by_their_references_while_they_are_warm(tmp_path):
    crystals = {"fcc": bulk("Ar", "fcc", a=2**0.5, cubic=True), "hcp": bulk("Ar", "hcp", a=1.0)}
    crystals["bcc"] = bulk("Ar", "bcc", a=1.1, cubic=True)
    for name, atoms in crystals.items():
        ase.io.write(tmp_path / f"{name}.xyz", atoms)
    look = PhaseLook({name: tmp_path / f"{name}.xyz" for name in crystals})
    compare = resemblance(look, crystals["fcc"], 1.0)
    for name, atoms in crystals.items():
        warm = atoms.repeat((3, 3, 2))
        warm.rattle(0.06, seed=1)
        warm.set_cell(1.2 * warm.cell.array, scale_atoms=True)
        seen = compare(warm)
        assert max(seen, key=seen.get) == f"like {name}"
        assert compare(atoms)[f"like {name}"] == pytest.approx(1.0, abs=1e-9)


def test_the_table_has_both_sides_and_both_errors(found, tmp_path):
    row = found.rows()[0]
    names = ("volume", "Q4", "Q6", "coordination", "like_fcc")
    for side in ("below", "above"):
        assert {f"{side}_{name}{err}" for name in names for err in ("", "_err", "_err_seeds")} <= set(row)
    json.dumps(found.as_dict(), allow_nan=False)
    assert as_csv(found).splitlines()[0] == ",".join(row)
    text = as_text(found)
    assert "below: most like fcc; volume 1." in text
    assert "(seeds ± " in text
    write_figure(found, tmp_path / "diagram.png")
    assert (tmp_path / "diagram.png").stat().st_size > 5000


def test_how_phases_are_told_apart_may_change_at_any_time(folder, found):
    changes = ("phases.cutoff=1.3", "phases.bonds=4", "phases.references={}")
    resume(folder / "cell", changes)
    other = phases([folder / "cell"], temperatures=GRID, n_draws=20)
    below, _ = other.sides(*first(other))
    assert below.resembles is None
    assert below.seen["Q4"].value != found.sides(*first(found))[0].seen["Q4"].value


def test_without_kept_configurations_there_is_a_word_of_it(tmp_path):
    config = load_nested_config(written(tmp_path, CELL), ["output.keep_every=0", "sampling.seeds=1"])
    begin(config)
    found = phases([tmp_path / "cell"], temperatures=GRID, n_draws=20)
    assert found.structures == {}
    assert "set output.keep_every" in as_text(found)


def test_phases_stand_between_transitions():
    np.testing.assert_allclose(between([4.0, 9.0], 1.0, 16.0), [2.0, 6.0, 12.0])


def test_references_that_do_not_fit_are_refused(folder, tmp_path):
    text = CELL + REFERENCES
    config = load_nested_config(written(tmp_path, text))
    assert sum("does not exist" in words for words in check_nested(config).problems) == 3
    resume(folder / "cell", (f"phases.references={{fcc='{tmp_path / 'no.xyz'}'}}",))
    with pytest.raises(FileFormatError, match=r"phases\.references\.fcc .*no\.xyz cannot be read"):
        phases([folder / "cell"], temperatures=GRID, n_draws=5)
    for atoms, words in ((bulk("Cu"), "holds Cu, the system Ar"), (open_crystal(), "must be periodic")):
        ase.io.write(tmp_path / "no.xyz", atoms)
        with pytest.raises(InputError, match=words):
            phases([folder / "cell"], temperatures=GRID, n_draws=5)


def open_crystal():
    atoms = bulk("Ar")
    atoms.pbc = False
    return atoms
