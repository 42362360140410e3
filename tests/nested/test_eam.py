"""Embedded atoms, compiled: the energies of ASE's own calculators, and forces that are their slopes."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.eam import EAM
from ase.calculators.emt import EMT

from gapsample.compiled.walks_models import evaluate
from gapsample.errors import FileFormatError, UnknownSpecies
from gapsample.nested.eam import EmbeddedAtom

NO_FORCES = np.empty((0, 3))
CELLS = {
    "small and skew": np.array([[2.6, 0.1, 0], [1.2, 2.5, 0], [-0.3, 0.8, 2.9]]),
    "flat": np.array([[7.0, 0, 0], [1.0, 8.0, 0], [0, 0, 2.4]]),
    "large": np.array([[13.0, 0, 0], [2.0, 14.0, 0], [0, 1.0, 13.5]]),
}


def file(path, form):
    """Write a potential of aluminum and copper whose functions are smooth."""
    n, cutoff, top = 800, 5.5, 200.0
    r, rho = np.arange(n) * cutoff / (n - 1), np.arange(n) * top / (n - 1)
    smooth = (1.0 - (r / cutoff) ** 2) ** 2
    numbers = [(13, 1.0, 1.0), (29, 1.3, 0.8)]
    lines = ["a", "test", "potential", "2 Al Cu", f"{n} {rho[1]:.17g} {n} {r[1]:.17g} {cutoff}"]
    for z, strength, decay in numbers:
        lines.append(f"{z} 27.0 4.0 fcc")
        lines += map("{:.16e}".format, -strength * np.sqrt(rho + 0.1))
        for k in range(2 if form == "fs" else 1):
            lines += map("{:.16e}".format, (1.0 + 0.3 * k) * 3.0 * np.exp(-decay * (r - 2.0)) * smooth)
    for a, b in ((0, 0), (1, 0), (1, 1)):
        lines += map("{:.16e}".format, r * (1.0 + 0.2 * (a + b)) * np.exp(-2.0 * (r - 2.2)) * smooth)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module", params=["emt", "emt of its own cutoff", "alloy", "fs"])
def case(request, tmp_path_factory):
    """A model, ASE's calculator for the same, and its symbols."""
    if request.param.startswith("emt"):
        asap = request.param != "emt"
        return EmbeddedAtom.emt(["Al", "Cu"], asap_cutoff=asap), EMT(asap_cutoff=asap), ("Al", "Cu")
    path = file(tmp_path_factory.mktemp("eam") / f"made.{request.param}", request.param)
    return EmbeddedAtom.read(path), EAM(potential=str(path)), ("Al", "Cu")


def configuration(cell, n, seed=0, apart=1.6):
    rng = np.random.default_rng(seed)
    while True:
        s = rng.random((n, 3))
        d = s[:, None] - s
        r = np.linalg.norm((d - np.round(d)) @ cell, axis=2) + 9.0 * np.eye(n)
        if r.min() > apart:
            return s @ cell, np.arange(n) % 2
        apart *= 0.99


def of(model, symbols, x, species, cell):
    forces = np.full((len(x), 3), np.nan)
    compiled = model.compiled(symbols)
    energy = evaluate(compiled, x, species, cell, forces)
    assert energy == pytest.approx(evaluate(compiled, x, species, cell, NO_FORCES), rel=1e-13, abs=1e-13)
    return energy, forces


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("n", [2, 5])
def test_energy_and_forces_are_those_of_ase(case, cell, n):
    model, calculator, symbols = case
    x, species = configuration(cell, n)
    atoms = Atoms([symbols[s] for s in species], x, cell=cell, pbc=True, calculator=calculator)
    energy, forces = of(model, symbols, x, species, cell)
    assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
    assert forces == pytest.approx(atoms.get_forces(), abs=1e-6)


def test_one_atom_meets_its_own_images_as_in_ase(case):
    model, calculator, symbols = case
    cell = CELLS["small and skew"]
    for s in range(2):
        if "emt" in str(type(calculator)) and calculator.parameters["asap_cutoff"]:
            continue  # there ASE lets the cutoff depend on the species present
        atoms = Atoms(symbols[s], cell=cell, pbc=True, calculator=calculator)
        energy, forces = of(model, symbols, np.zeros((1, 3)), np.array([s]), cell)
        assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
        assert np.abs(forces).max() == 0.0


def test_lone_atoms_have_the_energy_of_ase(case):
    model, calculator, symbols = case
    cell = 40.0 * np.eye(3)
    x, species = np.array([[0.0, 0, 0], [20.0, 20, 20]]), np.array([0, 1])
    atoms = Atoms(symbols, x, cell=cell, pbc=True, calculator=calculator)
    energy, forces = of(model, symbols, x, species, cell)
    assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
    assert np.abs(forces).max() == 0.0


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_forces_are_minus_the_slopes_of_the_energy(case, cell):
    model, _, symbols = case
    x, species = configuration(cell, 4, seed=1)
    _, forces = of(model, symbols, x, species, cell)
    h = 1e-4
    for i in range(4):
        for k in range(3):
            step = np.zeros_like(x)
            step[i, k] = h
            up, down = (of(model, symbols, x + sign * step, species, cell)[0] for sign in (1, -1))
            assert forces[i, k] == pytest.approx((down - up) / (2 * h), rel=1e-5, abs=2e-5)


def test_the_order_of_atoms_and_of_symbols_does_not_matter(case):
    model, _, symbols = case
    cell = CELLS["flat"]
    x, species = configuration(cell, 5, seed=2)
    energy, forces = of(model, symbols, x, species, cell)
    again, turned = of(model, symbols[::-1], x[::-1].copy(), 1 - species[::-1], cell)
    assert again == pytest.approx(energy, abs=1e-10)
    assert turned == pytest.approx(forces[::-1], abs=1e-8)


def test_coinciding_atoms_have_a_high_finite_energy_and_finite_forces(case):
    model, _, symbols = case
    for away in (0.0, 1e-9, 1e-3):
        x = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0 + away]])
        for cell in CELLS.values():
            energy, forces = of(model, symbols, x, np.array([0, 1]), cell)
            assert np.isfinite(energy)
            assert energy > 1e4
            assert np.isfinite(forces).all()
            assert away == 0.0 or forces[1, 2] > 0.0


def test_what_is_not_a_number_stays_so(case):
    model, _, symbols = case
    x, species = configuration(CELLS["large"], 3)
    x[1, 1] = np.nan
    for cell in (*CELLS.values(), np.full((3, 3), np.nan)):
        assert np.isnan(evaluate(model.compiled(symbols), x, species, cell, np.empty((3, 3))))


def test_unusable_files_and_species_say_so(tmp_path):
    with pytest.raises(UnknownSpecies, match="Fe"):
        EmbeddedAtom.emt(["Cu", "Fe"])
    with pytest.raises(UnknownSpecies, match="Al"):
        EmbeddedAtom.emt(["Cu"]).compiled(("Al",))
    path = tmp_path / "wrong.alloy"
    path.write_text("not\na\npotential\n1 Cu\n")
    with pytest.raises(FileFormatError, match=r"wrong\.alloy"):
        EmbeddedAtom.read(path)


def test_fingerprints_tell_models_apart():
    models = [EmbeddedAtom.emt(["Cu"]), EmbeddedAtom.emt(["Cu", "Au"]), EmbeddedAtom.emt(["Cu"], True)]
    assert len({model.fingerprint for model in models}) == 3
    assert EmbeddedAtom.emt(["Cu"]).fingerprint == models[0].fingerprint
