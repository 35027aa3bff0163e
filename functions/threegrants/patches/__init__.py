"""One minimal patch for each missing grant; pure.

In: a `DeniedCall`, its `Evidence` and `Diagnosis`. Out: `Patch` values that carry the policy
before and after as text, and a digest that an approval binds to.
"""

from threegrants.patches.make import Drafts, Profile, Scope, make_patches
from threegrants.patches.patch import Patch, canonical, same_policy, sha256
from threegrants.patches.prove import with_patches

__all__ = [
    "Drafts",
    "Patch",
    "Profile",
    "Scope",
    "canonical",
    "make_patches",
    "same_policy",
    "sha256",
    "with_patches",
]
