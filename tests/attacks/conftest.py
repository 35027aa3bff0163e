"""Attacks meet the same accounts on moto as `tests/aws`."""

import pytest

from aws.conftest import aws, harness
from support.harness import EVERYTHING, Harness

__all__ = ["aws", "desk", "harness"]


@pytest.fixture
def desk(aws):
    aws.world(iam=EVERYTHING)
    found = Harness(aws)
    found.stop_clock()
    return found
