"""`errorMessage`: what AWS itself says, as a table of its sentences.

AWS names only one policy type, even if several are at fault. Sources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html

Whoever makes a call chooses the object's key, and the message quotes it. A key may have spaces and
quotes in it, so it may read like AWS's own words. What is read as AWS's words therefore stands either
before the resource, from the very beginning, or after the last quote. CloudTrail cuts messages at
1 KB, and what is cut off may be the quote that closes; so a message of that length has no words of
AWS behind its resource:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import re
from dataclasses import dataclass

from threegrants.aws.arn import ACCOUNT_ID, PARTITION
from threegrants.cloudtrail.denied_call import Message, StatedPolicyType

_POLICY_TYPES = (
    ("permissions boundary", StatedPolicyType.BOUNDARY),
    ("identity-based policy", StatedPolicyType.IDENTITY),
    ("resource-based policy", StatedPolicyType.RESOURCE),
    ("resource-based policies", StatedPolicyType.RESOURCE),
    ("service control policy", StatedPolicyType.SCP),
    ("resource control policy", StatedPolicyType.RCP),
    ("VPC endpoint policy", StatedPolicyType.VPCE),
    ("role trust policy", StatedPolicyType.TRUST),
    ("sessions policy", StatedPolicyType.SESSION),
    ("session policy", StatedPolicyType.SESSION),
)
_MAY_BE_CUT = 1000
"""Bytes from which on the end of a message may be missing; CloudTrail's page says 1 KB."""
_AMBIGUOUS = "because the resource does not exist in this Region"
_ENDPOINT = "due to a VPC endpoint policy"
"""The whole of what a network activity event says."""
_REFUSAL = re.compile(
    r"\s*User: (?P<who>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)(?P<rest>.*)",
    re.DOTALL,
)
_RESOURCE = re.compile(r' on resource: (?:"(?P<quoted>.*)|(?P<bare>\S+)(?P<after>.*))', re.DOTALL)
_HAS_NO_SPACES = re.compile(
    rf"arn:{PARTITION}:(?:kms:[a-z0-9-]+:{ACCOUNT_ID}:(?:key|alias)/[A-Za-z0-9/_-]+"
    rf"|s3:::[A-Za-z0-9._-]+)[.,]?"
)
"""Resources behind which AWS's words go on without quotes; an object's key may have a space."""
_KEY_ARN = rf"arn:{PARTITION}:kms:[a-z0-9-]+:{ACCOUNT_ID}:(?:key|alias)/[A-Za-z0-9/_-]+"
_KEY_STATE = re.compile(
    rf"\s*(?:KMS\.\w+: |\w+Exception: )?(?:(?:Key|Alias) )?(?P<mark>['\"]?)(?P<arn>{_KEY_ARN})(?P=mark) "
    r"(?:is (?:disabled|pending \w+|not enabled|not found|unavailable)|does not exist)\b"
)
"""KMS's sentences about a key's state; they begin with the key and quote nothing of the caller's."""
_ABOUT_KMS = re.compile(
    rf"\s*(?:KMS\.\w+: |The ciphertext refers to a |Invalid (?:key|alias)|(?:Key|Alias) ['\"]?{_KEY_ARN}|{_KEY_ARN} )"
)
"""How KMS's sentences begin that S3 hands on: what is quoted of the caller's stands behind."""
_OBJECT_LOCK = re.compile(
    r"\s*Access Denied because object protected by object lock\.?\s*", re.IGNORECASE
)
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html#object-lock-troubleshooting"""
_ACLS_DISABLED = re.compile(r"\s*The bucket does not allow ACLs\.?\s*", re.IGNORECASE)
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html"""
_POLICY_ARN = re.compile(rf"policy: (?P<arn>arn:{PARTITION}:(?:iam|organizations)::\S+)")
_IMPLICIT_DENY = re.compile(r"because no [\w -]+? (?:policy|policies|boundary) allows?")
_AUTHORIZATION_ID = re.compile(r"with the following authorization id: (?P<id>[0-9a-z]{1,256})\s*$")
"""The last words of a message that has one ("Access Troubleshooter", a preview):
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A message taken apart: who, what and on what; `reason` is all that AWS says of why."""

    who: str | None
    action: str | None
    resource: str | None
    reason: str


def read_message(text: str | None) -> Message:
    """Take AWS's sentence apart; a bare `Access Denied` says nothing and stays bare."""
    if not text:
        return Message("")
    parts = _parts(text)
    reason = parts.reason
    policy = _POLICY_ARN.search(reason)
    authorization = _AUTHORIZATION_ID.search(reason)
    explicit_deny = "with an explicit deny" in reason
    implicit_deny = _IMPLICIT_DENY.search(reason)
    ambiguous = _AMBIGUOUS in reason
    states_reason = bool(explicit_deny or implicit_deny or _ENDPOINT in reason)
    return Message(
        text=text,
        principal=parts.who,
        action=parts.action,
        resource=parts.resource,
        policy_type=_first_policy_type(reason) if states_reason and not ambiguous else None,
        explicit_deny=explicit_deny if (explicit_deny or implicit_deny) and not ambiguous else None,
        policy_arn=policy["arn"].rstrip(".,") if policy else None,
        authorization_id=authorization["id"] if authorization else None,
        ambiguous=ambiguous,
        about_kms=(parts.action or "").startswith("kms:") or bool(_ABOUT_KMS.match(text)),
        object_lock=bool(_OBJECT_LOCK.fullmatch(text)),
        acls_disabled=bool(_ACLS_DISABLED.fullmatch(text)),
    )


def key_arn_in(text: str | None) -> str | None:
    """The ARN of the key that KMS itself names: as what was refused, or as what is not usable.

    A key ARN anywhere else, as in the quoted key of an object, names nothing.
    """
    parts = _parts(text or "")
    if (parts.action or "").startswith("kms:"):
        return parts.resource if re.fullmatch(_KEY_ARN, parts.resource or "") else None
    state = _KEY_STATE.match(text or "")
    return state["arn"] if state else None


def _parts(text: str) -> _Parts:
    refusal = _REFUSAL.fullmatch(text)
    if refusal is None:
        # No sentence about a resource: the whole of it is AWS's, unless something is quoted in it.
        return _Parts(None, None, None, "" if '"' in text or "arn:" in text else text)
    who, action = refusal["who"].rstrip(".,"), refusal["action"]
    resource = _RESOURCE.match(refusal["rest"])
    if resource is None:
        return _Parts(who, action, None, refusal["rest"])
    cut = len(text.encode(errors="replace")) >= _MAY_BE_CUT
    quoted, bare = resource["quoted"], resource["bare"]
    if quoted is None:
        if _HAS_NO_SPACES.fullmatch(bare):
            return _Parts(who, action, bare.rstrip(".,"), resource["after"])
        return _Parts(who, action, (bare + resource["after"]) or None, "")
    inside, closing, after = quoted.rpartition('"')
    if cut or not closing:
        return _Parts(who, action, quoted or None, "")
    return _Parts(who, action, inside or None, after)


def _first_policy_type(text: str) -> StatedPolicyType | None:
    """The first policy type the sentence's reason names."""
    start = max(text.find("because no "), text.find("with an explicit deny"), 0)
    places = [(text.find(words, start), policy_type) for words, policy_type in _POLICY_TYPES]
    named = [place for place in places if place[0] >= 0]
    return min(named)[1] if named else None
