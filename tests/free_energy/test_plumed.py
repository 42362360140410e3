"""PLUMED's files are read as PLUMED means them, in our units, or refused with the line that is wrong."""

import numpy as np
import pytest
from ase import units

from gapsample.errors import FileFormatError, InputError, UnknownName
from gapsample.free_energy.plumed import (
    Units,
    number_of,
    read_colvar,
    read_input,
    read_windows,
    samples_of,
)
from gapsample.free_energy.samples import Window

HEADER = """#! FIELDS time phi d restraint.bias
#! SET min_phi -pi
#! SET max_phi pi
"""
ROWS = """ 0.000000 -1.5 0.30 0.1
 0.100000  3.1 0.31 0.2
 0.200000 -3.1 0.32 0.3
"""
KJ = units.kJ / units.mol


def written(folder, text, name="COLVAR"):
    path = folder / name
    path.write_text(text)
    return path


def test_columns_come_by_name_with_their_periods(tmp_path):
    colvar = read_colvar(written(tmp_path, HEADER + ROWS))
    assert colvar.names == ("time", "phi", "d", "restraint.bias")
    np.testing.assert_array_equal(colvar["phi"], [-1.5, 3.1, -3.1])
    assert colvar.periods == {"phi": pytest.approx(2.0 * np.pi)}
    with pytest.raises(UnknownName, match="phi"):
        colvar["phy"]


def test_what_a_restart_repeats_counts_once_as_written_last(tmp_path):
    again = " 0.200000 -2.0 0.33 0.3\n 0.300000 -2.1 0.34 0.3\n"
    colvar = read_colvar(written(tmp_path, HEADER + ROWS + HEADER + again))
    np.testing.assert_array_equal(colvar["time"], [0.0, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(colvar["phi"], [-1.5, 3.1, -2.0, -2.1])


def test_a_last_line_cut_short_is_left_out_aloud(tmp_path):
    with pytest.warns(RuntimeWarning, match="cut short"):
        assert len(read_colvar(written(tmp_path, HEADER + ROWS + " 0.300000 -2.1")).values) == 3


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (ROWS, "wanted 0 numbers"),
        ("", "FIELDS"),
        (HEADER + " 0.0 1.0\n" + ROWS, "line 4"),
        (HEADER + " 0.0 one 2.0 3.0\n" + ROWS, "line 4"),
        (HEADER + ROWS + "#! FIELDS time psi\n", "change"),
        (HEADER.replace("-pi", "-tau") + ROWS, "-tau"),
    ],
)
def test_a_file_that_is_no_colvar_is_refused(tmp_path, text, match):
    with pytest.raises(FileFormatError, match=match):
        read_colvar(written(tmp_path, text))


def test_restraints_are_read_in_every_spelling(tmp_path):
    restraints, unit = read_input(
        written(
            tmp_path,
            """# umbrella
phi: TORSION ATOMS=5,7,9,15
u: RESTRAINT ARG=phi,d AT=-pi/2,0.3 KAPPA=200.0,1e4  # both
RESTRAINT ...
  LABEL=v ARG=d
  AT=0.5 KAPPA=10 SLOPE=0.0
... RESTRAINT
PRINT ARG=phi,d FILE=COLVAR STRIDE=100
""",
        )
    )
    assert unit == Units()
    assert [r.label for r in restraints] == ["u", "v"]
    window = restraints[0].window(("phi", "d"), lengths=("d",))
    assert window.center == pytest.approx((-np.pi / 2.0, 3.0))
    assert window.kappa == pytest.approx((200.0 * KJ, 1e4 * KJ / 100.0))
    free = restraints[1].window(("phi", "d"), lengths=("d",))
    assert free.kappa == pytest.approx((0.0, 10.0 * KJ / 100.0))
    with pytest.raises(InputError, match="phi"):
        restraints[0].window(("d",))


@pytest.mark.parametrize(
    ("line", "energy", "length"),
    [
        ("UNITS ENERGY=kcal/mol LENGTH=A", units.kcal / units.mol, 1.0),
        ("UNITS ENERGY=96.48533212331 LENGTH=0.1 TIME=fs", 1.0, 1.0),
        ("UNITS ENERGY=eV", 1.0, 10.0),
    ],
)
def test_the_units_of_the_input_count(tmp_path, line, energy, length):
    _, unit = read_input(written(tmp_path, line))
    assert (unit.energy, unit.length) == (pytest.approx(energy, rel=1e-8), pytest.approx(length))


@pytest.mark.parametrize(
    "line",
    [
        "RESTRAINT ARG=d AT=1.0",
        "RESTRAINT ARG=d AT=1.0 KAPPA=1.0 SLOPE=2.0",
        "RESTRAINT ARG=d,e AT=1.0 KAPPA=1.0",
        "RESTRAINT ARG=d AT=one KAPPA=1.0",
        "UNITS ENERGY=calories",
    ],
)
def test_an_input_that_would_be_misread_is_refused(tmp_path, line):
    with pytest.raises((FileFormatError, UnknownName)):
        read_input(written(tmp_path, line))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), ("-pi", -np.pi), ("pi/2", np.pi / 2), ("+2*pi", 2 * np.pi), ("-1e-3", -1e-3), (".5", 0.5)],
)
def test_numbers_are_read_as_plumed_writes_them(text, value):
    assert number_of(text) == pytest.approx(value)


def test_a_list_of_windows_gives_samples_in_our_units(tmp_path):
    (tmp_path / "runs").mkdir()
    for k in range(2):
        written(tmp_path, HEADER + ROWS, f"runs/COLVAR.{k}")
    table = written(
        tmp_path,
        "# file phi d kappas\nruns/COLVAR.0 pi/2 0.3 100 500\n\nruns/COLVAR.1 -pi 0.4 100 500 # last\n",
        "windows.dat",
    )
    windows = read_windows(table, ("phi", "d"), temperature=300.0, lengths=("d",), skip=1)
    assert [samples.window.center for samples in windows] == [
        pytest.approx((np.pi / 2, 3.0)),
        pytest.approx((-np.pi, 4.0)),
    ]
    np.testing.assert_allclose(windows[0].s, [[3.1, 3.1], [-3.1, 3.2]])
    assert windows[0].periods == (pytest.approx(2 * np.pi), None)
    assert windows[1].window.kappa == pytest.approx((100.0 * KJ, 5.0 * KJ))
    short = written(tmp_path, "runs/COLVAR.0 1.0 2.0\n", "short.dat")
    with pytest.raises(FileFormatError, match="line 1"):
        read_windows(short, ("phi", "d"), temperature=300.0)


def test_nan_in_a_colvar_file_is_told(tmp_path):
    colvar = read_colvar(written(tmp_path, HEADER + ROWS.replace("3.1 ", "nan ")))
    with pytest.raises(InputError, match="number 1"):
        samples_of(colvar, Window((0.0,), (1.0,)), ("phi",), temperature=300.0)
    with pytest.raises(InputError, match="no sample"):
        samples_of(colvar, Window((0.0,), (1.0,)), ("phi",), temperature=300.0, skip=3)
