"""Pair and three-body terms against QUIP: its own linear system, and its evaluation of our terms."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from potential.examples import ANGLES, DISTANCES, angle_term, distance_term, oxide_cell

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.potential.gap import GAP
from gapsample.potential.quip.write import write_quip
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm

TINY_FIT = Path(__file__).parents[3] / "shared" / "reference" / "tiny_fit"


@pytest.mark.parametrize("name", [*(f"distance {k}" for k in DISTANCES), *(f"angle {k}" for k in ANGLES)])
def test_quip_finds_the_same_energy_forces_and_virial(name: str, tmp_path: Path) -> None:
    quip = pytest.importorskip("quippy.potential")
    what, which = name.split()
    term = distance_term(DISTANCES[which]) if what == "distance" else angle_term(ANGLES[which])
    gap = GAP((term,), np.random.default_rng(0).normal(size=term.n_sparse), {8: 0.0, 14: 0.0})
    atoms = oxide_cell()
    ours = gap.evaluate(atoms, virial=True)

    write_quip(gap, tmp_path / "gap.xml")
    atoms.calc = quip.Potential(param_filename=str(tmp_path / "gap.xml"))
    assert ours.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    np.testing.assert_allclose(ours.forces, atoms.get_forces(), atol=1e-8)
    np.testing.assert_allclose(ours.virial, -atoms.get_volume() * atoms.get_stress(voigt=False), atol=3e-8)


@pytest.mark.skipif(not TINY_FIT.is_dir(), reason="gap_fit's linear system is not beside this repository")
def test_rows_and_covariance_are_those_gap_fit_solves() -> None:
    system = np.load(TINY_FIT / "linear_system.npz", allow_pickle=False)
    points = np.loadtxt(next(TINY_FIT.glob("gap.xml.sparseX.*1")))
    m = len(points)
    kind = DistanceKind((14, 14), 5.0, 1.0)
    term = DistanceTerm(kind, points, kind.of_distances(points)[2])
    np.testing.assert_allclose(term.k_mm() + 1e-8 * np.eye(m), system["Kmm"][:m, :m], atol=1e-10)

    energies, derivatives = [], []
    for atoms in ase.io.read(TINY_FIT / "train.xyz", ":"):
        rows = term.rows(find_neighbours(atoms, 5.0), forces=True, virial=True)
        assert rows.forces is not None
        assert rows.virial is not None
        energies.append(rows.energy)
        derivatives += [-rows.forces.reshape(-1, m), -rows.virial[np.tril_indices(3)][[0, 1, 3, 2, 4, 5]]]
    ours = np.concatenate([np.array(energies), *derivatives]).T
    np.testing.assert_allclose(ours, system["Kmn"][:m], atol=1e-10)
