"""What is written for other programs can be read by them."""

import numpy as np
import pytest

from gapsample.errors import FileFormatError, InputError
from gapsample.free_energy import Grid, read_plumed, to_xarray, write_npz, write_plumed

TWO_PI = 2.0 * np.pi


@pytest.fixture
def grid():
    x, y = np.linspace(-np.pi, np.pi, 6, endpoint=False), np.linspace(1.0, 2.0, 5)
    height = np.cos(x)[:, None] + y[None] ** 2
    gradient = np.array([-np.sin(x)[:, None] + 0.0 * y, 0.0 * x[:, None] + 2.0 * y])
    return Grid((x, y), (TWO_PI, None), height, np.full(height.shape, 0.1), gradient)


def test_a_plumed_grid_reads_back_as_it_was_written(tmp_path, grid):
    write_plumed(tmp_path / "fes.dat", grid, ("phi", "d1"), scales=(1.0, 10.0))
    found, names = read_plumed(tmp_path / "fes.dat", scales=(1.0, 10.0))
    assert names == ("phi", "d1")
    assert found.periods == pytest.approx(grid.periods)
    for one, other in zip(found.coordinates, grid.coordinates, strict=True):
        assert np.allclose(one, other, atol=1e-8)
    assert np.allclose(found.free_energy, grid.free_energy, atol=1e-9)
    assert np.allclose(found.gradient, grid.gradient, atol=1e-8)


def test_a_plumed_grid_has_the_header_and_the_order_of_sum_hills(tmp_path, grid):
    write_plumed(tmp_path / "fes.dat", grid, ("phi", "psi"), energy=1.0)
    lines = (tmp_path / "fes.dat").read_text().splitlines()
    assert lines[0] == "#! FIELDS phi psi file.free der_phi der_psi"
    assert "#! SET nbins_phi  6" in lines
    assert "#! SET nbins_psi  4" in lines
    assert "#! SET periodic_phi true" in lines
    assert "#! SET periodic_psi false" in lines
    body = lines[9:]
    assert body[6] == ""  # a blank line after each run of the first variable
    first, second = (np.array(line.split(), dtype=float) for line in body[:2])
    assert first[0] < second[0]
    assert first[1] == second[1]
    assert first[2] == pytest.approx(grid.free_energy[0, 0])


def test_the_minus_pi_of_plumed_is_a_number(tmp_path):
    text = "#! FIELDS phi file.free\n#! SET min_phi -pi\n#! SET max_phi pi\n#! SET nbins_phi  2\n"
    (tmp_path / "fes.dat").write_text(text + "#! SET periodic_phi true\n -3.14 1.0\n 0.0 2.0\n")
    found, _ = read_plumed(tmp_path / "fes.dat", energy=1.0)
    assert np.allclose(found.coordinates[0], [-np.pi, 0.0])
    assert list(found.free_energy) == [1.0, 2.0]


def test_files_that_are_no_grid_are_refused(tmp_path, grid):
    path = tmp_path / "fes.dat"
    path.write_text("1 2 3\n")
    with pytest.raises(FileFormatError, match="FIELDS"):
        read_plumed(path)
    write_plumed(path, grid, ("phi", "psi"))
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(FileFormatError, match="promises 30 points"):
        read_plumed(path)


def test_an_npz_file_names_its_variables(tmp_path, grid):
    write_npz(tmp_path / "surface.npz", grid, ("phi", "r"))
    with np.load(tmp_path / "surface.npz", allow_pickle=False) as stored:
        assert list(stored["dims"]) == ["phi", "r"]
        assert stored["free_energy"].shape == tuple(len(stored[name]) for name in stored["dims"])
        assert np.isnan(stored["periods"][1])


def test_an_xarray_dataset_keeps_names_units_and_periods(grid):
    pytest.importorskip("xarray", reason="xarray is an extra")
    found = to_xarray(grid, ("phi", "r"))
    assert found["free_energy"].dims == ("phi", "r")
    assert found["free_energy"].attrs["units"] == "eV"
    assert found["phi"].attrs["period"] == pytest.approx(TWO_PI)
    assert float(found["free_energy"].sel(r=2.0).isel(phi=0)) == pytest.approx(grid.free_energy[0, -1])


def test_a_name_is_needed_for_each_variable(tmp_path, grid):
    with pytest.raises(InputError, match="2 variables"):
        write_plumed(tmp_path / "fes.dat", grid, ("phi",))
    with pytest.raises(InputError, match="different"):
        write_npz(tmp_path / "surface.npz", grid, ("phi", "phi"))
