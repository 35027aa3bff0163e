"""Minimal patches for each missing grant, in every scope, proven before anyone is asked; pure.

In: a `DeniedCall`, its `Evidence` and `Diagnosis`. Out: `Patch` values that carry the policy
before and after as text, and a digest that an approval binds to.
"""

from threegrants.patches.alternatives import Handoff
from threegrants.patches.choices import Choices, Named, Profile
from threegrants.patches.describe import says
from threegrants.patches.iac_ownership import owner, reserved
from threegrants.patches.make import Draft, Drafts, make_patches
from threegrants.patches.patch import Patch, canonical, same_policy, sha256
from threegrants.patches.scopes import Scope
from threegrants.patches.snippets import as_code
from threegrants.patches.statement_edit import added_principal, cut
from threegrants.patches.verify import proven, with_patches

__all__ = [
    "Choices",
    "Draft",
    "Drafts",
    "Handoff",
    "Named",
    "Patch",
    "Profile",
    "Scope",
    "added_principal",
    "as_code",
    "canonical",
    "cut",
    "make_patches",
    "owner",
    "proven",
    "reserved",
    "same_policy",
    "says",
    "sha256",
    "with_patches",
]
