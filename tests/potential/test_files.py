"""Model files: what comes back is what went in, to the last bit; and nothing else is believed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from potential.silicon import RECIPE, cells, database_of, labels_by, stillinger_weber

import gapsample
from gapsample.errors import FileFormatError, InputError
from gapsample.gp.linear_system import LinearSystem
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import Fit, fit
from gapsample.potential.gap import GAP
from gapsample.potential.recipe import Angle, Baseline


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> GAP:
    """A model with a term of every kind and a baseline."""
    recipe = replace(
        RECIPE, terms=(*RECIPE.terms, Angle(cutoff=2.8, n_sparse=8)), baseline=Baseline(zbl=(1.0, 2.5))
    )
    pairs = labels_by(FromCalculator(stillinger_weber()), cells(6))
    return fit(recipe, database_of(tmp_path_factory.mktemp("files"), pairs)).gap


@pytest.mark.parametrize("which", ["everything", "silicon"])
def test_a_model_comes_back_to_the_last_bit(
    which: str, everything: GAP, silicon_fit: Fit, tmp_path: Path
) -> None:
    gap = everything if which == "everything" else silicon_fit.gap
    gap.save(tmp_path / "gap.npz")
    back = gapsample.load(tmp_path / "gap.npz")
    atoms = cells(1, seed=4)[0]
    ours = gap.evaluate(atoms, virial=True, error=True).as_dict()
    theirs = back.evaluate(atoms, virial=True, error=True).as_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(theirs[name], value, err_msg=name)
    assert back.recipe == gap.recipe
    assert back.calibration == gap.calibration
    assert dict(back.origin) == dict(gap.origin)
    assert gap.posterior is not None
    assert back.posterior is not None
    assert back.posterior.log_evidence == gap.posterior.log_evidence


def test_a_model_read_back_can_go_on_learning(everything: GAP, tmp_path: Path) -> None:
    everything.save(tmp_path / "gap.npz")
    back = gapsample.load(tmp_path / "gap.npz")
    rows = np.random.default_rng(0).normal(size=(3, len(back.alpha)))
    answers = []
    for gap in (everything, back):
        assert gap.posterior is not None
        system = LinearSystem.resumed(gap.posterior)
        system.absorb(rows, np.ones(3), np.ones(3))
        answers.append(system.posterior().alpha)
    np.testing.assert_array_equal(*answers)


def test_a_model_without_posterior_comes_back_without(everything: GAP, tmp_path: Path) -> None:
    [drawn] = everything.draws(1, np.random.default_rng(0))
    drawn.save(tmp_path / "drawn.npz")
    back = gapsample.load(tmp_path / "drawn.npz")
    assert back.posterior is None
    np.testing.assert_array_equal(back.alpha, drawn.alpha)


def test_header_can_be_read_without_this_package_and_arrays_with_numpy(
    everything: GAP, tmp_path: Path
) -> None:
    path = tmp_path / "gap.npz"
    everything.save(path)
    code = "import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read('header.json').decode())"
    header = json.loads(subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True).stdout)
    assert header["format"] == "gapsample-gap"
    assert header["schema"] == 1
    assert header["species"] == ["Si"]
    assert header["e0"] == {"Si": -1.0}
    assert header["recipe"]["terms"][0]["kind"] == "distance_2b"
    assert header["origin"]["watermark"] == 6
    assert [term["kind"] for term in header["terms"]] == ["distance_2b", "soap", "angle_3b"]
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["alpha"], everything.alpha)


def test_a_save_cut_short_leaves_the_old_model(
    everything: GAP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gap.npz"
    everything.save(path)
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(KeyboardInterrupt):
        replace(everything, alpha=2.0 * everything.alpha).save(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["gap.npz"]


def test_a_process_killed_while_saving_leaves_a_whole_model(everything: GAP, tmp_path: Path) -> None:
    path = tmp_path / "gap.npz"
    everything.save(path)
    script = (
        "import sys, gapsample\n"
        "gap = gapsample.load(sys.argv[1])\n"
        "print('saving', flush=True)\n"
        "while True: gap.save(sys.argv[1])\n"
    )
    for pause in (0.01, 0.05):
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(pause)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        np.testing.assert_array_equal(gapsample.load(path).alpha, everything.alpha)


def test_a_baseline_of_the_users_own_is_asked_for_again(tmp_path: Path) -> None:
    core = FromCalculator(stillinger_weber())
    recipe = replace(RECIPE, baseline=Baseline(zbl=(1.0, 2.5)))
    gap = fit(recipe, database_of(tmp_path, labels_by(core, cells(3))), baseline=core).gap
    gap.save(tmp_path / "gap.npz")
    with pytest.raises(InputError, match=r"Manybody.*load\(path, baseline=...\)"):
        gapsample.load(tmp_path / "gap.npz")
    back = gapsample.load(tmp_path / "gap.npz", baseline=core)
    atoms = cells(1, seed=4)[0]
    assert back.evaluate(atoms).energy == gap.evaluate(atoms).energy
    np.testing.assert_array_equal(back.evaluate(atoms).forces, gap.evaluate(atoms).forces)


def test_a_baseline_nobody_asked_for_is_refused(everything: GAP, tmp_path: Path) -> None:
    everything.save(tmp_path / "gap.npz")
    with pytest.raises(InputError, match="without a baseline"):
        gapsample.load(tmp_path / "gap.npz", baseline=FromCalculator(stillinger_weber()))


def test_a_baseline_that_contradicts_the_recipe_is_not_saved(everything: GAP, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recipe"):
        replace(everything, baseline=FromCalculator(stillinger_weber())).save(tmp_path / "gap.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(everything: GAP, tmp_path: Path, fraction: float) -> None:
    path = tmp_path / "gap.npz"
    everything.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(fraction * len(whole))])
    with pytest.raises(FileFormatError, match="truncated"):
        gapsample.load(path)


def rewritten(path: Path, change) -> Path:  # type: ignore[no-untyped-def]
    """A copy of a model whose members (name -> bytes) were changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members.pop("header.json"))
    change(header, members)
    with zipfile.ZipFile(path.with_name("changed.npz"), "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        for name, content in members.items():
            archive.writestr(name, content)
    return path.with_name("changed.npz")


def as_npy(tmp_path: Path, array: np.ndarray) -> bytes:
    np.save(tmp_path / "array.npy", array, allow_pickle=True)
    return (tmp_path / "array.npy").read_bytes()


def test_files_that_are_not_what_they_seem_are_refused(everything: GAP, tmp_path: Path) -> None:
    path = tmp_path / "gap.npz"
    everything.save(path)

    def refused(change, message: str) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(FileFormatError, match=message):
            gapsample.load(rewritten(path, change))

    refused(lambda header, _: header.update(schema=2), "reads schema 1")
    refused(lambda header, _: header.update(format="other"), "not a gapsample model")
    refused(lambda header, _: header["terms"].pop(), "sparse points but weights")
    refused(lambda header, _: header.pop("e0"), "not a readable")
    refused(lambda header, _: header["terms"][0].update(kind="evil"), "not a readable")
    refused(lambda header, _: header["recipe"].update(surprise=1), "surprise")
    refused(lambda _, members: members.pop("alpha.npy"), "not a readable")
    nan = as_npy(tmp_path, np.full(len(everything.alpha), np.nan))
    refused(lambda _, members: members.update({"alpha.npy": nan}), "finite")
    pickled = as_npy(tmp_path, np.array([{"a": 1}], dtype=object))
    refused(lambda _, members: members.update({"alpha.npy": pickled}), "64-bit floats")
    short = as_npy(tmp_path, np.ones(5))
    refused(lambda _, members: members.update({"triangle.npy": short}), "triangle has")
    with pytest.raises(FileFormatError, match="does not exist"):
        gapsample.load(tmp_path / "nowhere.npz")
