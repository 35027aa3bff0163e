"""Two member accounts on moto, entered by their roles; the service lives in a third."""

import pytest

from support.aws import REGION, A, Aws, B, mocked
from support.policies import policy as document

__all__ = ["REGION", "A", "Aws", "B", "aws", "document"]


@pytest.fixture
def aws():
    with mocked() as found:
        yield found
