"""One tiny fitted model of silicon for all tests that need one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from potential.silicon import RECIPE, cells, database_of, labels_by, stillinger_weber

from gapsample.database import Database
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import Fit, fit
from gapsample.potential.recipe import Sigmas


@pytest.fixture(scope="session")
def silicon_database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Exact labels of 60 small cells by the Stillinger-Weber potential."""
    pairs = labels_by(FromCalculator(stillinger_weber()), [*cells(40), *cells(20, seed=1, size=0.03)])
    return database_of(tmp_path_factory.mktemp("silicon"), pairs)


@pytest.fixture(scope="session")
def silicon_fit(silicon_database: Database) -> Fit:
    """A GAP of silicon, fitted on nine tenths of them and calibrated on the rest."""
    recipe = replace(RECIPE, split="train", sigmas=Sigmas(0.001, 0.03, 0.01), e0="least_squares")
    return fit(recipe, silicon_database)
