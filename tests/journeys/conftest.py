"""What tests of nested studies share."""

import pytest

from gapsample.journeys import nested_journey


@pytest.fixture(scope="module")
def no_pictures():
    """Reports have tests of their own, and take longer to draw than these studies to run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nested_journey, "write_nested_report", lambda study, path: None)
        yield
