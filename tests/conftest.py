"""Of all tests: nothing that is the same each time is worked out anew for each test."""

from support.once import work_out_once

work_out_once()
