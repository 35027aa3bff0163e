"""The terminal: diagnose on the spot, and talk to the deployed service.

In: files of records, or the service's API. Out: text for people, JSON for programs.
"""

from threegrants.cli.main import main

__all__ = ["main"]
