"""Which roles and users may be written to: those that their owner has tagged for it."""

from collections.abc import Mapping

from threegrants.diagnosis import GrantName
from threegrants.evidence import Item, Unread
from threegrants.patches.patch import Patch

PATCHABLE_TAG = ("threegrants:patchable", "true")
"""Name and value; the IAM remediation role (templates/member.yaml) has it as a condition of every write."""


def not_patchable(patch: Patch, tags: Item[Mapping[str, str]] | None) -> Unread | None:
    """Why a role or user is not for this service to write to, and what would change that; or None.

    Patches of buckets and keys are never concerned.

    Args:
        patch: the patch.
        tags: the tags of its target, a role or user; None if nobody read them.
    """
    if patch.grant != GrantName.IAM_POLICY:
        return None
    name, value = PATCHABLE_TAG
    needs = (
        f"tag {name}={value} on {patch.target}, from its owner; or its owner writes the statement: "
        "see the snippets"
    )
    if tags is None or isinstance(tags, Unread):
        why = f"whether it has tag {name}={value} is not known"
        return (
            Unread(f"{why}: {tags.why}", f"{tags.needs}; and {needs}")
            if tags
            else Unread(why, needs)
        )
    if tags.value.get(name) == value:
        return None
    return Unread(f"it has no tag {name}={value}", needs)
