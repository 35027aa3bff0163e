"""Whether an S3 access grant covers a refused s3:GetDataAccess; pure.

A grant is for a grantee (an IAM user or role, or somebody of a directory), a scope and a permission.
Another account than the instance's needs its resource policy too. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-credentials.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-cross-accounts.html
"""

from threegrants.diagnosis.facts import AuthorizationRequest, Facts, ParsedPolicy
from threegrants.diagnosis.policy_answers import policy_answer
from threegrants.diagnosis.verdicts import Blocker, BlockerKind, Grant, Reason, Verdict
from threegrants.evidence import AccessGrantsEvidence, NamedPolicy, PolicyKind, Read, Unread
from threegrants.evidence.snapshot import AccessGrant
from threegrants.iam import Effect, PolicyType

ASKED = frozenset(
    {"s3:GetDataAccess", "s3:ListCallerAccessGrants", "s3:GetAccessGrantsInstanceForPrefix"}
)
"""The actions that an Access Grants instance decides."""
_COVERS = {
    "READ": ("READ", "READWRITE"),
    "WRITE": ("WRITE", "READWRITE"),
    "READWRITE": ("READWRITE",),
}
_HOW = "aws s3control list-access-grants, get-access-grants-instance-resource-policy"


def access_grants_verdict(facts: Facts, asked: AuthorizationRequest) -> Grant:
    """What the instance says, in the place of a bucket policy: not needed where nothing lacks there.

    What surely lacks is a blocker (`access_grant_blocker`), so that nobody takes it for a bucket policy.
    """
    doubt = _finding(facts, asked)[0]
    if doubt:
        return Grant(Verdict.UNKNOWN, (Reason("access_grants", None, None, doubt),))
    detail = f"no bucket policy is asked about {asked.request.action}: the access grants decide"
    return Grant(Verdict.NOT_NEEDED, (Reason("no_bucket", None, None, detail),))


def access_grant_blocker(facts: Facts) -> Blocker | None:
    """That no access grant covers the request, or that the instance does not let the account in."""
    if facts.call.action not in ASKED:
        return None
    asked = facts.s3_request(facts.call.action or "")
    lacks = _finding(facts, asked)[1] if asked else ""
    if not lacks:
        return None
    return Blocker(
        BlockerKind.ACCESS_GRANT,
        Verdict.MISSING,
        None,
        None,
        lacks,
        "the owner of the Access Grants instance",
        deliberate=False,
    )


def _finding(facts: Facts, asked: AuthorizationRequest) -> tuple[str, str]:
    """Why it is not known, or what lacks; both empty where a grant covers the request."""
    found, arn = facts.evidence.access_grants.value_or_none, asked.request.resource
    if found is None:
        return f"the S3 Access Grants instance {arn} was not read; look with {_HOW}", ""
    for what, item in (("access grants", found.grants), ("resource policy", found.policy)):
        if isinstance(item, Unread):
            return f"the {what} of {arn}: {item.why}; needs {item.needs}; look with {_HOW}", ""
    if facts.evidence.caller.account != found.account:
        doubt, lacks = _resource_policy(found, asked)
        if doubt or lacks:
            return doubt, lacks
    return _covered(facts, found, arn) if asked.request.action == "s3:GetDataAccess" else ("", "")


def _resource_policy(found: AccessGrantsEvidence, asked: AuthorizationRequest) -> tuple[str, str]:
    name, text = "the resource policy of the Access Grants instance", found.policy.value_or_none
    parsed = (
        () if text is None else (ParsedPolicy.parse(NamedPolicy(name, text, PolicyKind.RESOURCE)),)
    )
    answer = policy_answer(PolicyType.RESOURCE, asked, Read(parsed))
    if answer.effect is None:
        return f"{name} {found.arn} hangs on something that is not known", ""
    if answer.effect is Effect.ALLOW:
        return "", ""
    word = "denies" if answer.denies else "does not allow"
    return "", f"{name} {found.arn} {word} {asked.request.action} to another account"


def _covered(facts: Facts, found: AccessGrantsEvidence, arn: str) -> tuple[str, str]:
    headers, who = facts.call.request_headers, facts.caller_arn
    target, permission = headers.get("target"), headers.get("permission")
    if not target or permission not in _COVERS or who is None:
        return f"the record does not say what was asked of {arn}; look with {_HOW}", ""
    grants = [
        one
        for one in found.grants.value_or_none or ()
        if one.permission in _COVERS[permission] and _in_scope(target, one)
    ]
    if any(one.grantee_type == "IAM" and one.grantee == who for one in grants):
        return "", ""
    if any(one.grantee_type != "IAM" for one in grants):
        return (
            f"an access grant of {arn} covers {permission} on {target} for somebody of a directory, and "
            "the record does not say who in the directory the caller is"
        ), ""
    return "", (
        f"no access grant of {arn} covers {permission} on {target} for {who}: make one (aws s3control "
        "create-access-grant)"
    )


def _in_scope(target: str, grant: AccessGrant) -> bool:
    """Whether what is asked for lies in the scope of a grant: a prefix with a star, or one object."""
    if grant.scope.endswith("*"):
        return target.startswith(grant.scope.removesuffix("*"))
    return target == grant.scope
