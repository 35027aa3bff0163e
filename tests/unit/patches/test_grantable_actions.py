"""What may be granted at all; and that whatever is offered can be approved."""

from dataclasses import replace

import pytest

from support.worlds import A, B, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail.operations import S3, kms_operation
from threegrants.diagnosis import diagnose
from threegrants.evidence import Read
from threegrants.patches import Choices, GranteeScope, Profile, make_patches
from threegrants.patches.grantable_actions import (
    DATA_ACTIONS,
    GRANT_OPERATIONS,
    KEY_USER_ACTIONS,
    forbidden_among,
    grant_operations,
    is_grantable,
    kms_actions,
)
from threegrants.remediation.limit_facts import LimitFacts
from threegrants.remediation.limits import Limits
from threegrants.remediation.opened_access import opened_access
from threegrants.remediation.patch_checks import objection
from threegrants.report import report_for

GRANTABLE = [
    ("s3:GetObject", True),
    ("S3:getobject", True),
    ("kms:GenerateDataKey", True),
    ("kms:GenerateDataKey*", True),
    ("KMS:reencrypt*", True),
    ("s3:*", False),
    ("*", False),
    ("s3:Get*", False),
    ("s3:GetObjec?", False),
    ("kms:*", False),
    ("kms:Decrypt*", False),
    ("iam:PassRole", False),
    ("s3-object-lambda:GetObject", False),
    ("s3:PutBucketPolicy", False),
    ("S3:PUTBUCKETPOLICY", False),
    ("kms:CreateGrant", False),
]


@pytest.mark.parametrize(("action", "wanted"), GRANTABLE)
def test_what_a_statement_may_allow(action, wanted):
    assert is_grantable(action) is wanted


CONFIGURATION = sorted(
    {action for operation in S3.values() for action in (*operation.actions, *operation.versioned)}
    - DATA_ACTIONS
)


def test_what_configures_is_not_among_the_data_actions():
    words = ("Acl", "Retention", "LegalHold", "Configuration", "Policy", "Location", "Versioning",
             "Notification", "Logging", "Website", "CORS", "Payment", "Ownership", "Access")  # fmt: skip
    assert not [action for action in DATA_ACTIONS for word in words if word in action]
    assert not [action for action in DATA_ACTIONS if "Bucket" in action and "List" not in action]


@pytest.mark.parametrize("action", CONFIGURATION)
def test_what_is_never_granted(action):
    assert not is_grantable(action)
    assert forbidden_among(("s3:GetObject", action, action)) == (action,)


def test_what_a_profile_grants():
    assert kms_actions(Profile.LEAST, ("kms:Decrypt",)) == ("kms:Decrypt",)
    assert kms_actions(Profile.ARTICLE, ("kms:Decrypt",)) == KEY_USER_ACTIONS
    assert all(map(is_grantable, KEY_USER_ACTIONS))


OPERATIONS = [
    ("one", ("kms:Decrypt",), ("Decrypt",)),
    ("several, sorted", ("kms:GenerateDataKey", "kms:Decrypt"), ("Decrypt", "GenerateDataKey")),
    ("a wildcard", ("kms:ReEncrypt*",), ("ReEncryptFrom", "ReEncryptTo")),
    ("all that a key user needs", KEY_USER_ACTIONS, GRANT_OPERATIONS),
    ("in another case", ("KMS:decrypt",), ("Decrypt",)),
    ("what no grant of ours carries", ("kms:Decrypt", "kms:Sign"), None),
    ("the making of grants", ("kms:CreateGrant",), None),
]


@pytest.mark.parametrize(("actions", "wanted"), [c[1:] for c in OPERATIONS],
                         ids=[c[0] for c in OPERATIONS])  # fmt: skip
def test_what_a_kms_grant_carries(actions, wanted):
    assert grant_operations(actions) == wanted


KMS_OPERATIONS = (
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt",
    "DescribeKey", "GenerateDataKeyPair", "Sign", "CreateGrant", "PutKeyPolicy",
)  # fmt: skip


def denied_calls():
    """Every operation of the table, with and without a version; and KMS called directly."""
    for operation in S3:
        yield operation, call(operation)
        yield f"{operation} of a version", call(operation, versionId="v1")
    for operation in KMS_OPERATIONS:
        access, actions = kms_operation(operation)
        direct = replace(call(), service="kms", operation=operation, access=access,
                         action=actions[0], s3_actions=(), kms_actions=actions)  # fmt: skip
        yield f"kms {operation}", direct


EVERY_WAY = {"s3:PutBucketPolicy", "kms:PutKeyPolicy", "kms:CreateGrant", "iam:PutRolePolicy"}
LIMITS = Limits(trusted=frozenset({A, B}))


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("grantee", list(GranteeScope))
@pytest.mark.parametrize("account", [A, B], ids=["same account", "across accounts"])
def test_whatever_is_offered_passes_the_checks_at_approval(profile, grantee, account):
    """Every draft is looked at, also those that are left out of the offer afterwards."""
    seen, caller = evidence(account=account), call(account=account).caller
    report = report_for(analyze_evidence(call(account=account), seen, AnalysisOptions()), "tg-1")
    choices = Choices(profile, principal=grantee)
    made, refused = set(), []
    for name, operation in denied_calls():
        denied = replace(operation, caller=caller)
        for draft in make_patches(denied, seen, diagnose(denied, seen), choices).drafts:
            patch = draft.patch
            made.add(patch.operation)
            opened = opened_access(patch)
            arns = {patch.target, *opened.buckets, *opened.keys}
            facts = LimitFacts({arn: Read({}) for arn in arns})
            against = objection(LIMITS, report.principal, [patch], facts)
            if against:
                refused.append((name, patch.operation, against))
    assert refused == []
    assert made == ({"iam:PutRolePolicy"} if account == A else EVERY_WAY)
