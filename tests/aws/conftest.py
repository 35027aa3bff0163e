"""Two member accounts on moto, entered by their roles; the service lives in a third."""

import pytest

from support.aws import Aws, mocked
from support.names import REGION, A, B
from support.once import work_out_once
from support.policies import policy as document

__all__ = ["REGION", "A", "Aws", "B", "aws", "document"]
work_out_once()


@pytest.fixture
def aws():
    with mocked() as found:
        yield found
