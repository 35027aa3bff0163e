"""Of all tests: how many examples Hypothesis tries."""

import os

from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("few", deadline=None, derandomize=True, max_examples=10)
settings.register_profile("many", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("THREEGRANTS_EXAMPLES", "same"))
