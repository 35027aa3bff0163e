"""Two member accounts on moto, entered by their roles; the service lives in a third."""

import pytest

from support.aws import mocked
from support.harness import EVERYTHING, Harness
from support.once import work_out_once

work_out_once()


@pytest.fixture
def aws():
    with mocked() as found:
        yield found


@pytest.fixture
def harness(aws):
    """The service before one denied call that IAM allows, with a clock that stands still."""
    aws.world(iam=EVERYTHING)
    found = Harness(aws)
    found.stop_clock()
    return found
