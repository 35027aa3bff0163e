"""Of all tests: Hypothesis tries the examples that `support.examples` says."""

from hypothesis import settings

from support.examples import examples

settings.register_profile("threegrants", examples())
settings.load_profile("threegrants")
