"""Species compressed into few density channels: what the kernel may notice of it, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers
from contracts.check_term import TermPotential, check_smooth_at_cutoff, check_term
from hypothesis import given, settings
from hypothesis import strategies as st
from potential.examples import alcohol, cluster
from potential.soap_examples import four_species, rattled, soap_term

import gapsample
from gapsample import Recipe, Sigmas, Soap
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.descriptors.species_channels import METHODS, mix_species, similarity
from gapsample.errors import FileFormatError, SettingsError, UnknownName
from gapsample.potential.build_terms import build_terms
from gapsample.potential.gap import GAP
from gapsample.potential.recipe import KINDS
from gapsample.potential.terms.soap import SoapTerm
from gapsample.settings import build, dump

SPECIES = (1, 6, 8, 14)


def term(mixing: np.ndarray | None, center: str = "C", **choices: object) -> SoapTerm:
    cells = [rattled(four_species(), 0.1, seed) for seed in range(3)]
    return soap_term(cells, center, "H C O Si", mixing=mixing, **choices)  # type: ignore[arg-type]


def mixed(n_channels: int, method: str = "chemical", seed: int = 0) -> np.ndarray:
    return mix_species(SPECIES, n_channels, method, np.random.default_rng(seed))


def compressed(n_channels: int | None, method: str = "chemical") -> list[SoapTerm]:
    """Terms as a fit builds them, one for each of the four species."""
    soap = Soap(3.6, n_max=4, l_max=3, n_sparse=6, n_channels=n_channels, channel_method=method)  # type: ignore[arg-type]
    recipe = Recipe((soap,), sigmas=Sigmas(virial=None))
    cells = [rattled(four_species(), 0.1, seed) for seed in range(3)]
    return build_terms(recipe, cells, np.random.default_rng(0))  # type: ignore[return-value]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n_channels=st.integers(1, 4), factor=st.floats(0.1, 10.0))
def test_kernel_does_not_change_when_channels_are_rotated_or_scaled(
    seed: int, n_channels: int, factor: float
) -> None:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_channels, 4))
    turn = np.linalg.qr(rng.normal(size=(n_channels, n_channels)))[0]
    kernels = [term(m).k_mm() for m in (mixing, factor * turn @ mixing)]
    np.testing.assert_allclose(kernels[1], kernels[0], atol=1e-10)


@pytest.mark.parametrize("center", ["H", "C", "Si"])
def test_as_many_orthogonal_channels_as_species_are_no_compression(center: str) -> None:
    plain, turned = term(None, center), term(mixed(4, "random"), center)
    assert not np.allclose(turned.mixing, np.eye(4), atol=0.1)
    np.testing.assert_allclose(turned.k_mm(), plain.k_mm(), atol=1e-10)
    weights = np.random.default_rng(1).normal(size=plain.n_sparse)
    one, other = (TermPotential(t, weights).evaluate(four_species(), virial=True) for t in (plain, turned))
    assert other.energy == pytest.approx(one.energy, abs=1e-9)
    np.testing.assert_allclose(other.forces, one.forces, atol=1e-9)
    np.testing.assert_allclose(other.virial, one.virial, atol=1e-8)


def test_kernel_is_the_trace_of_spectra_coupled_by_the_similarity_of_species() -> None:
    """sum over l, s, s', t, t' of S_st S_s't' P_ss'l . P'_tt'l, from uncompressed spectra."""
    mixing = mixed(2)
    plain, small = term(None), term(mixing)
    n, l_max = plain.basis.n_max, plain.basis.l_max
    full = np.zeros((plain.n_sparse, l_max + 1, 4 * n, 4 * n))
    a, b = np.tril_indices(4 * n)
    elements = plain.sparse.reshape(plain.n_sparse, len(a), l_max + 1)
    elements = elements / np.where(a == b, 1.0, np.sqrt(2.0))[:, None]
    full[:, :, a, b] = full[:, :, b, a] = np.moveaxis(elements, 2, 1)
    coupling = np.kron(mixing.T @ mixing, np.eye(n))
    g = np.einsum("ilab,bc,jlcd,da->ij", full, coupling, full, coupling, optimize=True)
    g /= np.sqrt(np.outer(np.diag(g), np.diag(g)))
    np.testing.assert_allclose(small.sparse @ small.sparse.T, g, atol=1e-10)


def test_species_that_share_a_direction_are_the_same_species() -> None:
    alike = np.array([[1.0, 0.0, 1.0, 0.5], [0.0, 1.0, 0.0, 0.5]])  # hydrogen and oxygen
    swapped = four_species()
    swapped.numbers = [{1: 8, 8: 1}.get(z, z) for z in swapped.numbers]
    near = [find_neighbours(atoms, 3.6) for atoms in (four_species(), swapped)]
    blind, seeing = ([term(mixing).descriptors(n) for n in near] for mixing in (alike, None))
    np.testing.assert_allclose(blind[1], blind[0], atol=1e-12)
    assert np.max(np.abs(seeing[1] - seeing[0])) > 0.1


@pytest.mark.parametrize("center", ["H", "C", "Si"])
def test_the_central_atom_weighs_what_a_neighbour_of_its_species_would(center: str) -> None:
    """A neighbour almost on top of the centre doubles its density, whatever the mixing."""
    mixing = mixed(2)
    one = term(mixing, center)
    wide = SoapBasis(3.6, 8, 2, central_weight=2.0)
    twice = replace(one, basis=wide, sparse=np.empty((0, 0)))
    onto = replace(one, basis=replace(wide, central_weight=1.0), sparse=np.empty((0, 0)))
    near = Atoms([center, "O"], [[0, 0, 0], [1.5, 0, 0]])
    pair = near + Atoms(center, [[0, 0, 1e-3]])
    heavy = twice.descriptors(find_neighbours(near, 3.6))[0]
    doubled = onto.descriptors(find_neighbours(pair, 3.6))[0]
    np.testing.assert_allclose(doubled, heavy, atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_compressed_terms_obey_the_laws_of_terms(n_channels: int, method: str) -> None:
    check_term(term(mixed(n_channels, method), n_sparse=6), [four_species(), alcohol()])


def test_energy_is_smooth_as_an_atom_leaves_the_cutoff_of_a_compressed_term() -> None:
    check_smooth_at_cutoff(term(mixed(2)), cluster("CSiOSi"))


def test_rotated_basis_gives_the_answer_of_the_full_basis_when_compressed() -> None:
    small = term(mixed(2), basis=SoapBasis(4.0, 8, 4), n_sparse=8)
    full = replace(small, basis_tolerance=0.0)
    assert small.rotated.shape[1] < 0.8 * full.rotated.shape[1]
    weights = np.random.default_rng(0).normal(size=small.n_sparse)
    quick, plain = (TermPotential(t, weights).evaluate(four_species()) for t in (small, full))
    assert quick.energy == pytest.approx(plain.energy, abs=1e-7)
    np.testing.assert_allclose(quick.forces, plain.forces, atol=1e-6)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_chemical_channels_approach_the_similarity_as_their_number_grows(n_channels: int) -> None:
    exact = similarity(SPECIES)
    values = np.linalg.eigvalsh(exact)
    mixing = mixed(n_channels)
    assert mixing.shape == (n_channels, 4)
    left = np.linalg.norm(mixing.T @ mixing - exact)
    assert left == pytest.approx(np.linalg.norm(values[: 4 - n_channels]), abs=1e-12)  # Eckart-Young


def test_chemical_channels_do_not_depend_on_the_order_of_species_or_on_chance() -> None:
    order = [2, 0, 3, 1]
    there = mix_species([SPECIES[k] for k in order], 2, "chemical", np.random.default_rng(5))
    np.testing.assert_allclose(there.T @ there, (mixed(2).T @ mixed(2))[np.ix_(order, order)], atol=1e-12)


def test_similar_elements_are_similar() -> None:
    numbers = [atomic_numbers[symbol] for symbol in ("Fe", "Co", "O", "S", "Se")]
    close = similarity(numbers)
    np.testing.assert_array_equal(np.diag(close), np.ones(5))
    assert close[0, 1] > 0.8
    assert close[3, 4] > close[2, 3] > close[0, 2]


def test_a_fit_compresses_every_center_alike_and_shortens_the_descriptor() -> None:
    plain, few = compressed(None), compressed(2)
    assert [t.center for t in few] == list(SPECIES)
    for one, other in zip(plain, few, strict=True):
        np.testing.assert_array_equal(other.mixing, mixed(2))
        assert one.mixing is None
        assert (one.sparse.shape[1], other.sparse.shape[1]) == (4 * 16 * 17 // 2, 4 * 8 * 9 // 2)


def test_random_channels_follow_the_seed_of_the_recipe() -> None:
    for one, other in zip(compressed(2, "random"), compressed(2, "random"), strict=True):
        np.testing.assert_array_equal(one.mixing, other.mixing)


def test_a_compressed_model_comes_back_from_its_file_and_answers_the_same(tmp_path: Path) -> None:
    terms = tuple(compressed(2))
    alpha = np.random.default_rng(0).normal(size=sum(t.n_sparse for t in terms))
    recipe = Recipe((Soap(3.6, n_channels=2, channel_method="random"),))
    gap = GAP(terms, alpha, dict.fromkeys(SPECIES, 0.0), recipe=recipe)
    gap.save(tmp_path / "gap.npz")
    back = gapsample.load(tmp_path / "gap.npz")
    assert isinstance(back, GAP)
    assert back.recipe == recipe
    one, other = (g.evaluate(four_species(), virial=True) for g in (gap, back))
    assert one.energy == other.energy
    np.testing.assert_array_equal(other.forces, one.forces)
    np.testing.assert_array_equal(other.virial, one.virial)


def test_a_file_whose_mixing_is_of_other_species_is_refused(tmp_path: Path) -> None:
    (first, *_) = compressed(2)
    broken = replace(first, mixing=first.mixing[:, :3])
    GAP((broken,), np.zeros(broken.n_sparse), {first.center: 0.0}).save(tmp_path / "gap.npz")
    with pytest.raises(FileFormatError, match="mixing of 4 species"):
        gapsample.load(tmp_path / "gap.npz")


def test_compression_is_a_key_of_the_config_and_a_wrong_one_is_answered_with_what_is_known() -> None:
    given = {"kind": "soap", "cutoff": 4.0, "n_channels": 2, "channel_method": "random"}
    built = build(Recipe, {"terms": [given]}, kinds=KINDS)
    assert built.terms == (Soap(4.0, n_channels=2, channel_method="random"),)
    assert build(Recipe, dump(built, kinds=KINDS), kinds=KINDS) == built
    with pytest.raises(UnknownName, match="chemical"):
        build(Recipe, {"terms": [{**given, "channel_method": "chemcal"}]}, kinds=KINDS)
    with pytest.raises(UnknownName, match="did you mean 'chemical'"):
        mixed(2, "chemcal")


@pytest.mark.parametrize("n_channels", [0, -1, 5])
def test_channels_that_compress_nothing_are_refused(n_channels: int) -> None:
    with pytest.raises(SettingsError, match="4 species can share 1 to 4"):
        compressed(n_channels)


def test_species_without_electronegativity_are_named_with_the_way_out() -> None:
    with pytest.raises(SettingsError, match=r"Ar; use channel_method=.random"):
        mix_species([18, 6], 1, "chemical", np.random.default_rng(0))
    assert mix_species([18, 6], 1, "random", np.random.default_rng(0)).shape == (1, 2)
