"""What a patched policy must be as a whole: not public, and still in somebody's hands.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
"""

from threegrants.aws.arn import Arn, account_root
from threegrants.aws.policy_json import aws_principals, statement_objects
from threegrants.diagnosis import GrantName
from threegrants.iam import CompiledPolicies, Policies, Policy, Request, is_public
from threegrants.patches.documents import PatchDocuments, json_of
from threegrants.patches.patch import PatchOperation

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ALLOW_ALL_IDENTITY = (Policy.parse({"Version": "2012-10-17", "Statement": ALL}, "everything"),)


def public_violation(documents: PatchDocuments) -> str:
    """No policy becomes public; S3 would also shut out other accounts from a bucket then."""
    before, after = documents.before, documents.after
    if documents.patch.grant == GrantName.IAM_POLICY or after is None or after.policy is None:
        return ""
    was_public = before is not None and before.policy is not None and is_public(before.policy)
    if is_public(after.policy) and not was_public:
        return "it would make the policy public"
    return ""


def lockout_violation(documents: PatchDocuments) -> str:
    """Whoever could read and change the key policy still can, and somebody can."""
    patch, before, after = documents.patch, documents.before, documents.after
    if patch.operation != PatchOperation.PUT_KEY_POLICY or before is None or after is None:
        return ""
    old, new = (
        CompiledPolicies(Policies(identity=ALLOW_ALL_IDENTITY, resource=document.policy))
        for document in (before, after)
    )
    named = [name for one in statement_objects(json_of(before)) for name in aws_principals(one)]
    root = account_root(patch.account, Arn.parse(patch.target).partition)
    principals = [
        root,
        root.replace(":root", ":role/any"),
        *(name for name in named if name.startswith("arn:")),
    ]
    administrators = 0
    for principal in dict.fromkeys(principals):
        for action in ("kms:PutKeyPolicy", "kms:GetKeyPolicy"):
            request = Request(principal, action, patch.target, patch.account)
            could, can = (compiled.decide(request).allowed for compiled in (old, new))
            if could and not can:
                return f"{principal} could not {action} any more"
            administrators += can and action == "kms:PutKeyPolicy"
    return "" if administrators else "nobody who is named could change the key policy afterwards"
