"""Approved patches are written, verified, and undone if they do not help: the only writes.

In: an incident, the digests a person approved, and who that person is by AWS's word.
Out: policies changed in the member accounts, and every step in the incident's history.
"""

from threegrants.remedy.protocol import Refused, Remedy, Result

__all__ = ["Refused", "Remedy", "Result"]
