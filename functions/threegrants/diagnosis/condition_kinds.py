"""What a condition is about: who calls, how the call is made, or what it is for; and what to do. Pure.

An Allow for the caller that fails only on a condition about *how* the call is made is a guardrail
that the owner meant: through this endpoint, with MFA, encrypted so. A patch without the condition
would take it away. So nothing is offered; the caller is told what to do instead.

Source of the keys:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html
"""

from enum import StrEnum

from threegrants.iam import Mismatch


class ConditionKind(StrEnum):
    """What a condition key is about."""

    WHO = "who"
    """the principal: a statement that fails on it is for somebody else"""
    HOW = "how"
    """the way the call is made"""
    WHAT = "what"
    """the resource or the encryption context: a statement that fails on it is for something else"""


_WHO = (
    "aws:principal", "aws:userid", "aws:username", "aws:sourceidentity", "aws:federatedprovider",
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceorg", "kms:calleraccount",
)  # fmt: skip
_WHAT = (
    "aws:resource", "s3:resourceaccount", "s3:prefix", "s3:dataaccesspoint",
    "s3:accesspointnetworkorigin", "s3:versionid", "kms:encryptioncontext",
    "kms:resourcealiases", "kms:requestalias", "kms:keyspec", "kms:keyorigin", "kms:keyusage",
)  # fmt: skip
"""How the names of these keys begin, in lower case; what is in neither list is about how.

A tag of an object is in neither: by it an owner opens some objects and keeps others, beside which a patch
for one of the others would open it all the same.
"""
_OBJECT_TAG = "s3:existingobjecttag/"

_ADVICE = {
    "aws:sourcevpce": "call through the VPC endpoint {}",
    "aws:sourcevpc": "call through a VPC endpoint in {}",
    "aws:vpcsourceip": "call through a VPC endpoint from {}",
    "aws:sourceip": "call from the address {}",
    "aws:securetransport": "call with HTTPS",
    "s3:tlsversion": "call with TLS {}",
    "aws:multifactorauthpresent": "sign in with MFA",
    "aws:multifactorauthage": "sign in with MFA again",
    "aws:currenttime": "ask the owner: the permission is for another time ({})",
    "aws:epochtime": "ask the owner: the permission is for another time ({})",
    "aws:tokenissuetime": "sign in again",
    "s3:x-amz-acl": "send --acl {}",
    "s3:x-amz-grant-full-control": "send --grant-full-control {}",
    "s3:x-amz-server-side-encryption": "send --sse {}",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "send --sse-kms-key-id {}",
    "s3:x-amz-storage-class": "send --storage-class {}",
    "s3:if-none-match": "send --if-none-match",
    "s3:if-match": "send --if-match",
    "s3:max-keys": "list with --max-keys {}",
    "s3:delimiter": "list with --delimiter {}",
    "kms:viaservice": "use the key through {}",
    "aws:requestedregion": "call in the Region {}",
}
_OTHERWISE = "call so that {} is {}"


def kind_of(key: str) -> ConditionKind:
    """What a condition key is about; a key that is not known counts as one about how."""
    plain = key.lower()
    if plain.startswith(_WHO):
        return ConditionKind.WHO
    return ConditionKind.WHAT if plain.startswith(_WHAT) else ConditionKind.HOW


def advice_for(miss: Mismatch) -> str:
    """What the caller can do about a condition that was not met."""
    actual = f"it was {miss.actual}" if miss.actual else "the call did not have it"
    if miss.key.lower().startswith(_OBJECT_TAG):
        tag = miss.key[len(_OBJECT_TAG) :]
        wanted = f"something other than {miss.wanted}" if miss.negated else miss.wanted
        return f"ask the object's owner whether its tag {tag} should be {wanted} ({actual})"
    template = _ADVICE.get(miss.key.lower())
    if miss.negated or template is None:
        wanted = f"anything but {miss.wanted}" if miss.negated else miss.wanted
        return f"{_OTHERWISE.format(miss.key, wanted)} ({actual})"
    return f"{template.format(miss.wanted)} ({miss.key}: {actual})"
