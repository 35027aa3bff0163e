"""Of all tests: Hypothesis tries the examples that `support.examples` says; attacks have their mark."""

import pytest
from hypothesis import settings

from support import attacks
from support.examples import examples

settings.register_profile("threegrants", examples())
settings.load_profile("threegrants")


def pytest_configure(config: pytest.Config) -> None:
    attacks.register(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    attacks.attach(items)
