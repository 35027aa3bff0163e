"""One embedded AWS with the service for all modules of this folder."""

from collections.abc import Iterator

import pytest

from service.embedded import Embedded, deploy, running
from service.people import OnCall


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    with running() as found:
        deploy(found)
        yield found


@pytest.fixture(scope="session")
def on_call(embedded: Embedded) -> OnCall:
    return OnCall.hired(embedded)
