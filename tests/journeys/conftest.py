"""What tests of nested studies share, and those of adaptive runs."""

import pytest
from qmmm_worlds import crystal_gap

from gapsample.journeys import nested_journey


@pytest.fixture(scope="module")
def no_pictures():
    """Reports have tests of their own, and take longer to draw than these studies to run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nested_journey, "write_nested_report", lambda study, path: None)
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with a GAP of the copper crystal and its labels."""
    folder = tmp_path_factory.mktemp("made")
    crystal_gap(folder)
    return folder
