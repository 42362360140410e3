"""Atoms of a study as its config says: frozen ones, masses, two dimensions, mixtures of pair potentials."""

from __future__ import annotations

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from ase.data import atomic_masses
from nested_studies import written

from gapsample import nested
from gapsample.errors import FileFormatError, GapsampleError, SettingsError, UnknownName
from gapsample.journeys import nested_journey
from gapsample.journeys.nested_atoms import degrees_of_freedom, n_atoms
from gapsample.journeys.nested_config import load_nested_config, nested_config
from gapsample.journeys.nested_preview import check_nested
from gapsample.journeys.nested_problem import input_files, problem
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.thermo import thermo

FILM = """
[system]
kind = "system"
start = "film.xyz"
frozen = [0, 1]
units = "reduced"
pbc = [true, true, false]

[potential]
kind = "lennard_jones"
cutoff = 2.5

[sampling]
n_live = 20
n_cull = 2
walk_length = 4
shortest_walk = 4
longest_walk = 4

[stop]
lowest_temperature = 0.5
steps = 10

[output]
folder = "film"
keep_every = 2
database = "film.db"
"""

MIXTURE = """
[system]
kind = "system"
symbols = "Ar2Kr"
cell = [[6.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 6.0]]
units = "reduced"

[potential]
kind = "mixture"

[potential.pairs]
Ar-Ar = { kind = "lennard_jones" }
Kr-Ar = { kind = "morse", depth = 2.0, stiffness = 6.0, distance = 1.2, cutoff = 3.0 }
Kr-Kr = "none"

[stop]
lowest_temperature = 0.5

[output]
folder = "mixture"
"""

PLACES = np.array([[1.0, 1.0, 0.5], [3.0, 1.0, 0.5], [2.0, 3.0, 4.0], [4.0, 4.0, 4.0]])


@pytest.fixture
def film(tmp_path):
    atoms = Atoms("Cu2Ar2", positions=PLACES, cell=[5.0, 5.0, 6.0], pbc=True)
    ase.io.write(tmp_path / "film.xyz", atoms)
    return tmp_path


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(nested_journey, "write_nested_report", lambda study, path: None)


def load(folder, text, *overrides):
    return load_nested_config(written(folder, text), overrides)


def test_frozen_atoms_stay_where_the_file_has_them_and_the_others_do_not(film):
    config = load(film, FILM)
    begin(config)
    _, kept = nested.kept.read_configurations(film / "film" / "run_0")
    sampled = problem(config, None)
    visited = [sampled.atoms(row) for row in kept.coordinates]
    assert {str(atoms.symbols) for atoms in visited} == {"Cu2Ar2"}
    for atoms in visited:
        np.testing.assert_array_equal(atoms.positions[:2], PLACES[:2])
        assert (atoms.positions[2:, 2] >= 0.0).all()
        assert (atoms.positions[2:, 2] <= 6.0).all(), "walls"
    assert np.ptp([atoms.positions[2:] for atoms in visited], axis=0).min() > 0.5


def test_constraints_of_the_file_freeze_atoms_as_well(film):
    atoms = ase.io.read(film / "film.xyz")
    atoms.set_constraint(FixAtoms([3]))
    ase.io.write(film / "film.traj", atoms)
    config = load(film, FILM, "system.start=film.traj", "system.frozen=[0]")
    assert degrees_of_freedom(config) == problem(config, None).degrees_of_freedom == 6
    assert n_atoms(config) == 4


def test_the_cell_is_periodic_where_that_of_the_file_is_unless_told(film):
    atoms = ase.io.read(film / "film.xyz")
    atoms.pbc = (True, False, True)
    ase.io.write(film / "film.xyz", atoms)
    unsaid = FILM.replace("pbc = [true, true, false]\n", "")
    assert problem(load(film, unsaid), None).ensemble.axes == (True, False, True)
    assert problem(load(film, FILM), None).ensemble.axes == (True, True, False)


def test_only_what_moves_has_kinetic_energy(film):
    begin(load(film, FILM, "stop.steps=none"))
    hot = np.array([50.0, 100.0])
    (group,) = thermo([film / "film"], temperatures=hot)
    assert group.found.heat_capacity.value.min() > 0.5 * 6
    held = load(film, FILM)
    assert degrees_of_freedom(held) == 6


def test_the_file_of_the_atoms_is_written_down_and_may_not_change(film):
    config = load(film, FILM, "stop.steps=1")
    begin(config)
    manifest = json.loads((film / "film" / "manifest.json").read_text())
    assert [str(path) for path in input_files(config)] == list(manifest["model"]["files"])
    ase.io.write(film / "film.xyz", Atoms("Cu2Ar2", positions=PLACES + 0.1, cell=[5.0, 5.0, 6.0]))
    with pytest.raises(GapsampleError, match=r"film\.xyz is not what it was"):
        resume(film / "film")


def test_check_says_how_much_is_held(film):
    findings = check_nested(load(film, FILM))
    assert findings.lines[0].startswith("system       4 atoms, 6 coordinates of 12 held")
    assert findings.problems == ()
    assert (
        check_nested(load(film, FILM, "system.start=no.xyz"))
        .problems[0]
        .endswith("No such file or directory")
    )


def test_atoms_in_two_dimensions_stay_in_their_plane(tmp_path):
    flat = MIXTURE.replace('units = "reduced"', 'units = "reduced"\ndimensions = 2', 1)
    config = load(tmp_path, flat)
    sampled = problem(config, None)
    points, values = sampled.draw(np.arange(20, dtype=np.uint64))
    walked = sampled.walk(
        nested.Walk(
            points,
            values,
            nested.Ceiling(values.max(), 1.0),
            np.full(1, 0.1),
            20,
            np.arange(20, dtype=np.uint64),
        )
    )
    assert all((sampled.atoms(row).positions[:, 2] == 3.0).all() for row in walked.coordinates)
    assert sampled.atoms(points[0]).pbc.tolist() == [True, True, False]
    assert degrees_of_freedom(config) == sampled.degrees_of_freedom == 6


def test_every_pair_of_species_has_its_own_potential(tmp_path):
    config = load(tmp_path, MIXTURE)
    assert nested_config(json.loads(json.dumps(config.as_dict()))) == config
    sampled = problem(config, None)
    expected = nested.Mixture(
        {
            ("Ar", "Ar"): nested.LennardJones(),
            ("Kr", "Ar"): nested.morse(2.0, 6.0, 1.2, 3.0),
            ("Kr", "Kr"): None,
        }
    )
    assert sampled.model.fingerprint == expected.fingerprint
    points = sampled.draw(np.arange(4, dtype=np.uint64))[0]
    points[:, :9] = np.array([1.0, 1.0, 1.0, 2.2, 1.0, 1.0, 5.0, 5.0, 5.0])
    assert sampled.values(points)[0] == pytest.approx(float(_lennard_jones(1.2)), abs=1e-9)
    points[:, 6:9] = [1.0, 2.2, 1.0]
    far = _lennard_jones(1.2) - 2.0 - _morse_at_cutoff() + _morse(1.2 * np.sqrt(2.0)) - _morse_at_cutoff()
    assert sampled.values(points)[0] == pytest.approx(far, abs=1e-6)


def _lennard_jones(r, cutoff=3.0):
    return 4.0 * (r**-12 - r**-6) - 4.0 * (cutoff**-12 - cutoff**-6)


def _morse(r):
    return 2.0 * (1.0 - np.exp(-6.0 * (r - 1.2))) ** 2 - 2.0


def _morse_at_cutoff():
    return _morse(3.0)


def test_masses_are_those_of_the_elements_unless_given(tmp_path):
    moves = ["moves={hmc=1, galilean=1}", "system.largest_kinetic=20.0"]
    config = load(tmp_path, MIXTURE, *moves, "system.masses={Ar=7.5}")
    sampled = problem(config, None)
    masses = sampled.atoms(sampled.draw(np.zeros(1, np.uint64))[0][0]).get_masses()
    np.testing.assert_allclose(masses, [7.5, 7.5, atomic_masses[36]])
    assert degrees_of_freedom(config) == 0
    with pytest.raises(UnknownName, match=r"system\.masses 'Ag'; known: Ar, Kr"):
        problem(load(tmp_path, MIXTURE, *moves, "system.masses={Ag=7.5}"), None)


@pytest.mark.parametrize(
    ("text", "changes", "error", "words"),
    [
        (FILM, ["system.symbols=Ar2"], SettingsError, "either symbols"),
        (FILM, ["system.frozen=[4]"], SettingsError, "counts atoms from 0 to 3, got 4"),
        (FILM, ["system.frozen=[]"], SettingsError, "freezes nothing"),
        (FILM, ["ensemble.pressure=0.1"], SettingsError, "a cell that stays"),
        (FILM, ["system.start=study.toml"], FileFormatError, "no configuration that ASE reads"),
        (MIXTURE, ["system.frozen=[0]"], SettingsError, "give the file of a configuration as start"),
        (MIXTURE, ["system.cell=[[1.0, 0.0, 0.0]]"], SettingsError, "three rows, got 1"),
        (MIXTURE, ["potential.pairs={ArKr='none'}"], SettingsError, "named as in 'Ar-Kr'"),
        (MIXTURE, ["system.symbols=ArNe"], GapsampleError, "Ne"),
        (MIXTURE, ["system.kind=pair_box"], SettingsError, "unknown key in \\[system\\]"),
    ],
)
def test_what_cannot_be_is_said(film, text, changes, error, words):
    with pytest.raises(error, match=words):
        problem(load(film, text, *changes), None)
