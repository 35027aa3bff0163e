"""The configuration (`threegrants.config/1`): what operators decide, and what may grow. Pure.

In: the text of one JSON document. Out: a frozen `Configuration`, or everything that is wrong with it:
where, what, and what to do. `schema/config.schema.json` describes the document.
"""

from threegrants.configuration.configuration import SCHEMA_ID, Configuration
from threegrants.configuration.parse import parse_configuration, problems_of
from threegrants.configuration.problem import (
    ConfigurationError,
    ConfigurationUnreadableError,
    Problem,
)

__all__ = [
    "SCHEMA_ID",
    "Configuration",
    "ConfigurationError",
    "ConfigurationUnreadableError",
    "Problem",
    "parse_configuration",
    "problems_of",
]
