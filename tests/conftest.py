"""Of all tests: Hypothesis tries the examples that `support.examples` says; attacks have their mark."""

import gc

import pytest
from hypothesis import settings

from support import attacks
from support.examples import examples

settings.register_profile("threegrants", examples())
settings.load_profile("threegrants")
# boto3's models and moto's backends are millions of objects that live to the end: looking through
# them for garbage again and again took a sixth of the time.
gc.freeze()
gc.set_threshold(200_000, 20, 100)


def pytest_configure(config: pytest.Config) -> None:
    attacks.register(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    attacks.attach(items)
