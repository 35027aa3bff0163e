"""The world of ingest, on moto."""

import pytest

from support.aws import mocked
from support.ingest_world import World
from support.once import work_out_once

work_out_once()


@pytest.fixture
def world(monkeypatch):
    with mocked() as aws:
        yield World(aws.table(), monkeypatch)
