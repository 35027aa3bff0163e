"""`errorMessage`: what AWS itself says, as a table of its sentences.

AWS names only one policy type, even if several are at fault. Sources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

import re

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
_AMBIGUOUS = "because the resource does not exist in this Region"
_ENDPOINT = "due to a VPC endpoint policy"
"""The whole of what a network activity event says."""
_PRINCIPAL_AND_ACTION = re.compile(
    r"User: (?P<who>arn:\S+|anonymous|\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
)
_RESOURCE = re.compile(r'on resource: (?:"(?P<quoted>[^"]*)"|(?P<bare>arn:\S+))')
_KEY_ARN = re.compile(rf"arn:{PARTITION}:kms:[a-z0-9-]+:{ACCOUNT_ID}:(?:key|alias)/[A-Za-z0-9/_-]+")
_POLICY_ARN = re.compile(rf"policy: (?P<arn>arn:{PARTITION}:(?:iam|organizations)::\S+)")
_AUTHORIZATION_ID = re.compile(r"with the following authorization id: (?P<id>[0-9a-z]{1,256})\s*$")
"""The last words of a message that has one ("Access Troubleshooter", a preview):
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html"""


def read_message(text: str | None) -> Message:
    """Take AWS's sentence apart; a bare `Access Denied` says nothing and stays bare."""
    if not text:
        return Message("")
    principal = _PRINCIPAL_AND_ACTION.search(text)
    resource = _RESOURCE.search(text)
    policy = _POLICY_ARN.search(text)
    authorization = _AUTHORIZATION_ID.search(text)
    explicit_deny = "with an explicit deny" in text
    implicit_deny = re.search(r"because no [\w -]+? (?:policy|policies|boundary) allows?", text)
    ambiguous = _AMBIGUOUS in text
    endpoint = _ENDPOINT in text
    states_reason = bool(explicit_deny or implicit_deny or endpoint)
    return Message(
        text=text,
        principal=principal["who"].rstrip(".,") if principal else None,
        action=principal["action"] if principal else None,
        resource=((resource["quoted"] or resource["bare"] or "").rstrip(".,") or None)
        if resource
        else None,
        policy_type=_first_policy_type(text) if states_reason and not ambiguous else None,
        explicit_deny=explicit_deny if (explicit_deny or implicit_deny) and not ambiguous else None,
        policy_arn=policy["arn"].rstrip(".,") if policy else None,
        authorization_id=authorization["id"] if authorization else None,
        ambiguous=ambiguous,
    )


def key_arn_in(text: str | None) -> str | None:
    """The key ARN a message names, if it names one."""
    found = _KEY_ARN.search(text or "")
    return found.group(0) if found else None


def _first_policy_type(text: str) -> StatedPolicyType | None:
    """The first policy type the sentence's reason names."""
    start = max(text.find("because no "), text.find("with an explicit deny"), 0)
    places = [(text.find(words, start), policy_type) for words, policy_type in _POLICY_TYPES]
    named = [place for place in places if place[0] >= 0]
    return min(named)[1] if named else None
