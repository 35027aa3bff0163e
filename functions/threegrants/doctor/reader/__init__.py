"""The doctor's reader: what a live installation looks like, asked of AWS. The only impure part of the doctor.

In: a stack's name and clients. Out: an `Installation`, each part of it read, or unread with the permission
that would supply it. Nothing is written anywhere; two of the service's functions are asked to assume the
members' roles, in sessions that may do nothing.
"""

from threegrants.doctor.reader.installation import StackError, read_installation

__all__ = ["StackError", "read_installation"]
