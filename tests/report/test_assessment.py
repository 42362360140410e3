"""An assessment tells true errors from predicted ones, and counts only what was labeled and trusted."""

from __future__ import annotations

import numpy as np
import pytest

from gapsample.errors import InputError
from gapsample.journeys.tables import as_html, as_text
from gapsample.potential.assessment import assess, table, z_scores


@pytest.fixture(scope="module")
def entries(database):
    return list(database.select())


def row(rows, name):
    return next(r for r in rows if r.config_type == name)


def test_a_constant_error_is_its_own_rmse_and_mae(entries, stand_in):
    energies = assess(stand_in(offset=1.0), entries).energy
    assert np.mean(energies.error) == pytest.approx(1.0, abs=0.01)


def test_root_mean_squares_agree_with_the_errors_that_were_drawn(entries, stand_in):
    total = table(assess(stand_in(), entries))[-1]
    assert total.energy_rmse == pytest.approx(10.0, rel=0.2)
    assert total.force_rmse == pytest.approx(np.sqrt(np.mean(np.linspace(0.05, 0.5, 8) ** 2)), rel=0.1)
    assert total.virial_rmse == pytest.approx(30.0, rel=0.2)


@pytest.mark.parametrize("sureness", [0.5, 1.0, 3.0])
def test_z_is_how_many_times_too_sure_a_model_is(entries, stand_in, sureness):
    total = table(assess(stand_in(sureness=sureness), entries, error=True))[-1]
    assert total.force_z == pytest.approx(sureness, rel=0.05)
    assert total.energy_z == pytest.approx(sureness, rel=0.2)


def test_ranks_do_not_see_the_scale_of_predicted_errors(entries, stand_in):
    ranks = [table(assess(stand_in(sureness=s), entries, error=True))[-1].force_rank for s in (1.0, 5.0)]
    assert ranks[0] == pytest.approx(ranks[1], abs=1e-12)
    assert ranks[0] > 0.6


def test_forces_of_atoms_that_are_not_trusted_do_not_count(entries, stand_in):
    cluster = row(table(assess(stand_in(), entries)), "cluster")
    assert cluster.n_forces == 3
    assert cluster.energy_rmse is None


def test_what_was_not_labeled_is_not_reported(entries, stand_in):
    energies = row(table(assess(stand_in(), entries, error=True)), "energies")
    assert energies.energy_rmse is not None
    assert energies.force_rmse is energies.virial_rmse is energies.force_z is None


def test_parts_make_up_the_whole(entries, stand_in):
    *parts, total = table(assess(stand_in(), entries))
    assert sum(part.n_configurations for part in parts) == total.n_configurations == len(entries)
    squares = sum(part.n_forces * part.force_rmse**2 for part in parts if part.force_rmse is not None)
    assert squares / total.n_forces == pytest.approx(total.force_rmse**2)


def test_errors_that_were_not_asked_for_are_not_known(entries, stand_in):
    assessment = assess(stand_in(), entries)
    assert z_scores(assessment.forces) is None
    assert table(assessment)[-1].force_rank is None


def test_forces_fixed_by_symmetry_have_no_z_and_no_rank(entries, stand_in):
    """In a perfect crystal both forces are rounding noise, and their ratio means nothing."""
    plain = assess(stand_in(), entries, error=True)
    noisy = assess(stand_in(), entries, error=True)
    first = noisy.forces.entry == 0
    noisy.forces.std[first] = 1e-15
    noisy.forces.predicted[first] = noisy.forces.reference[first] + 1e-11
    rest = noisy.forces.of(np.arange(len(entries)) > 0)
    assert len(z_scores(noisy.forces)) == plain.forces.std.size - 3 * int(first.sum())
    np.testing.assert_array_equal(z_scores(noisy.forces), z_scores(rest))
    total = table(noisy)[-1]
    assert total.force_z == pytest.approx(1.0, rel=0.05)
    assert total.force_rank == pytest.approx(table(plain)[-1].force_rank, abs=0.02)


def test_nothing_to_assess_is_an_error(stand_in):
    with pytest.raises(InputError, match="nothing to assess"):
        assess(stand_in(), [])


def test_progress_is_told_of_every_configuration(entries, stand_in):
    told = []
    assess(stand_in(), entries[:4], progress=lambda what, done, total: told.append((what, done, total)))
    assert told == [("assessing", i + 1, 4) for i in range(4)]


def test_the_table_reads_the_same_as_text_and_as_html(entries, stand_in):
    rows = table(assess(stand_in(), entries, error=True))
    text, html = as_text(rows), as_html(rows)
    for r in rows:
        assert r.config_type in text
        assert f"<td>{r.config_type}</td>" in html
    assert f"{rows[-1].force_rmse:.4f}" in text
    assert f"<td>{rows[-1].force_rmse:.4f}</td>" in html
