"""Minimal patches for each missing grant, in every scope, checked before anyone is asked; pure.

In: a `DeniedCall`, its `Evidence` and `Diagnosis`. Out: `Patch` values that carry the policy
before and after as text, and a digest that an approval binds to.
"""

from threegrants.diagnosis import GrantName
from threegrants.patches.alternatives import Handoff, HandoffKind
from threegrants.patches.choices import Choices, GranteeScope
from threegrants.patches.combine import combine_drafts
from threegrants.patches.describe import describe_patch
from threegrants.patches.documents import with_patches
from threegrants.patches.grantable_actions import Profile
from threegrants.patches.iac_ownership import iac_owner, unmodifiable_reason
from threegrants.patches.make import Draft, Drafts, make_patches
from threegrants.patches.needed_statements import needed_statements
from threegrants.patches.patch import Patch, PatchOperation, sha256
from threegrants.patches.patchable import PATCHABLE_TAG, not_patchable
from threegrants.patches.scopes import Scope
from threegrants.patches.snippets import iac_snippets
from threegrants.patches.statement_edit import (
    added_principal,
    dead_principals,
    remove_principals,
)
from threegrants.patches.verify import verify_patches

__all__ = [
    "PATCHABLE_TAG",
    "Choices",
    "Draft",
    "Drafts",
    "GrantName",
    "GranteeScope",
    "Handoff",
    "HandoffKind",
    "Patch",
    "PatchOperation",
    "Profile",
    "Scope",
    "added_principal",
    "combine_drafts",
    "dead_principals",
    "describe_patch",
    "iac_owner",
    "iac_snippets",
    "make_patches",
    "needed_statements",
    "not_patchable",
    "remove_principals",
    "sha256",
    "unmodifiable_reason",
    "verify_patches",
    "with_patches",
]
