"""What an error text means: what AWS said, what it leaves open, and the three grants to have.

AWS names one policy type at most, the first that refused; the others may refuse as well, and a
request between accounts needs an allow on both sides. Sources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from threegrants.aws.arn import Arn, parse_arn
from threegrants.cloudtrail import DeniedCall, KeySource, StatedPolicyType
from threegrants.cloudtrail.identity import from_arn
from threegrants.cloudtrail.operations import is_object_action
from threegrants.diagnosis import GrantName
from threegrants.error_text.denied_call import denied_call
from threegrants.error_text.find import ErrorForm, StatedError
from threegrants.evidence import KeyEvidence, Unread
from threegrants.patches import Choices, Scope
from threegrants.patches.grantable_actions import forbidden_among
from threegrants.patches.narrow_statements import NarrowStatements
from threegrants.patches.scopes import ScopedPattern, scopes_for

UNKNOWN_PRINCIPAL = "arn:aws:iam::CALLER-ACCOUNT:role/CALLER-ROLE"
UNKNOWN_BUCKET = "BUCKET-NAME"
UNKNOWN_KEY = "arn:aws:kms:REGION:KEY-ACCOUNT:key/KEY-ID"
_PLACEHOLDERS = ("CALLER-ACCOUNT", "CALLER-ROLE", UNKNOWN_BUCKET, "REGION", "KEY-ACCOUNT", "KEY-ID")
_NOT_READ = Unread("only the error's text is known", "credentials, for a live diagnosis")
_AMBIGUOUS_KMS = (
    "AWS gives three causes in one sentence: the key is not in this Region, no key policy or grant "
    "lets the caller in, or a key policy denies it. It does not say that a policy is malformed."
)
_CIPHERTEXT = "The ciphertext refers to a customer master key"


@dataclass(frozen=True, slots=True)
class GrantToCheck:
    """One of the three grants: where it stands, who writes it, and the statements to have there.

    `why` says what AWS's message means for it. `statements` are empty where nothing may be granted
    by a statement of ours (the set-up of a bucket or key).
    """

    grant: GrantName
    where: str
    written_by: str
    why: str
    statements: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One error, explained; `placeholders` are the words in the statements to replace."""

    error: StatedError
    call: DeniedCall | None
    said: tuple[str, ...]
    leaves_open: tuple[str, ...]
    grants: tuple[GrantToCheck, ...]
    placeholders: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The explanation as a JSON object."""
        call = self.call
        return {
            "form": self.error.form,
            "line": self.error.line,
            "count": self.error.count,
            "code": self.error.code,
            "operation": call.operation if call else self.error.operation,
            "message": self.error.message,
            "request_id": self.error.request_id,
            "principal": call.caller.arn if call else None,
            "action": call.action if call else None,
            "bucket": call.bucket if call else self.error.bucket,
            "object_key": call.object_key if call else self.error.object_key,
            "kms_key": call.kms_key if call else None,
            "said": list(self.said),
            "leaves_open": list(self.leaves_open),
            "grants": [
                {
                    "grant": one.grant,
                    "where": one.where,
                    "written_by": one.written_by,
                    "why": one.why,
                    "statements": [dict(statement) for statement in one.statements],
                }
                for one in self.grants
            ],
            "placeholders": list(self.placeholders),
        }


def explain_error(
    error: StatedError,
    *,
    principal: str | None = None,
    bucket: str | None = None,
    object_key: str | None = None,
) -> Explanation:
    """What one error means; nothing is asked of AWS.

    Args:
        error: the error.
        principal: the ARN of who called, where AWS does not say.
        bucket: the bucket, where AWS does not say.
        object_key: the object's key, where AWS does not say.
    """
    beside = replace(
        error, bucket=bucket or error.bucket, object_key=object_key or error.object_key
    )
    call = denied_call(beside)
    if call and principal and not call.caller.arn:
        call = replace(call, caller=from_arn(principal))
    grants = grants_to_have(call) if call else ()
    texts = [str(statement) for grant in grants for statement in grant.statements]
    placeholders = tuple(word for word in _PLACEHOLDERS if any(word in text for text in texts))
    return Explanation(
        error, call, _said(error, call), _leaves_open(error, call), grants, placeholders
    )


def _said(error: StatedError, call: DeniedCall | None) -> tuple[str, ...]:
    if call is None:
        return (f"AWS refused a request ({error.code}) and says nothing of why.",)
    message = call.message
    what = message.action or call.action or call.operation
    who = message.principal or "the caller"
    lines = [f"AWS refused {what} to {who}."]
    if message.ambiguous:
        lines.append(_AMBIGUOUS_KMS)
    elif _is_about_ciphertext(error):
        lines.append(
            "S3 found the object and asked KMS, and KMS refused: the key does not exist, is in "
            "another Region, or the caller may not use it. Look at the key's two grants first."
        )
    elif message.policy_type is None and not message.explicit_deny:
        lines.append("It says nothing of why.")
    elif message.explicit_deny:
        where = f" ({message.policy_arn})" if message.policy_arn else ""
        lines.append(
            f"An explicit deny decided{_in_words(message.policy_type)}{where}. "
            "No allow anywhere outweighs a deny."
        )
    else:
        lines.append(f"No allow was found{_in_words(message.policy_type)}.")
    if error.operation and message.action and message.action != call.operation:
        own = error.operation
        lines.append(f"The operation was {own}; the permission that lacked is {message.action}.")
    return tuple(lines)


_POLICY_WORDS = {
    StatedPolicyType.IDENTITY: "the policies of the caller (identity-based policy)",
    StatedPolicyType.RESOURCE: "the policy of the bucket or key (resource-based policy)",
    StatedPolicyType.BOUNDARY: "the caller's permissions boundary",
    StatedPolicyType.SESSION: "the session policy, set by whoever assumed the role",
    StatedPolicyType.SCP: "a service control policy of the caller's organisation",
    StatedPolicyType.RCP: "a resource control policy of the owner's organisation",
    StatedPolicyType.VPCE: "the policy of the VPC endpoint that the request came through",
    StatedPolicyType.TRUST: "the role's trust policy",
}


def _in_words(policy_type: StatedPolicyType | None) -> str:
    return f" in {_POLICY_WORDS[policy_type]}" if policy_type else ""


def _leaves_open(error: StatedError, call: DeniedCall | None) -> tuple[str, ...]:
    """What the text does not tell, and so nobody should take for known."""
    lines: list[str] = []
    message = call.message if call else None
    if message is not None and (message.ambiguous or _is_about_ciphertext(error)):
        lines.append("Which of these causes it is, AWS does not say.")
    elif message is not None and message.policy_type is not None:
        lines.append(
            "AWS names one policy type only. The others may refuse as well, and show only when "
            "this one is mended."
        )
    else:
        lines.append(
            "Any of the three grants may be missing; or a deny, a permissions boundary, a session "
            "policy, an SCP, an RCP or a VPC endpoint policy refuses."
        )
    if call is None or not call.caller.arn:
        lines.append(
            "Who called is not said: `aws sts get-caller-identity` with the same credentials."
        )
    elif not call.caller.path_known:
        lines.append(
            "The role's path is not said: `aws iam get-role --role-name "
            f"{call.caller.arn.rpartition('/')[2]}` shows the exact ARN."
        )
    if call is None or call.service == "s3":
        if call is None or not call.bucket:
            lines.append("The bucket is not said.")
        else:
            lines.append("Whose account the bucket is in is not said.")
        lines += _open_about_objects(error, call)
    if call is None or (not call.kms_key and call.kms_actions):
        lines.append(
            "Which KMS key encrypts the object, if any, is not said: `aws s3api head-object`, run by "
            "somebody who may read it, shows SSEKMSKeyId."
        )
    return tuple(lines)


def _open_about_objects(error: StatedError, call: DeniedCall | None) -> list[str]:
    lines = []
    reached_kms = (call is not None and (call.message.action or "").startswith("kms:")) or (
        _is_about_ciphertext(error)
    )
    if error.form is ErrorForm.XML and error.operation is None and call is not None:
        lines.append(
            "Which operation was refused is not said; GetObject is taken, as a browser asks."
        )
    if call is not None and call.operation in ("HeadObject", "GetObject") and not reached_kms:
        lines.append(
            "Whether the object exists is not said: without s3:ListBucket a missing object answers "
            "403 as well (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)."
        )
    if call is not None and call.operation == "HeadObject" and not call.message.policy_type:
        lines.append(
            "An answer to HEAD has no body, so no SDK can show a reason: the same request as a "
            "GetObject of one byte (`--range bytes=0-0`) may."
        )
    if call is None and error.code in ("403", "Forbidden"):
        lines.append("Which operation was refused is not said.")
    return lines


def _is_about_ciphertext(error: StatedError) -> bool:
    return error.message.startswith(_CIPHERTEXT)


def grants_to_have(call: DeniedCall) -> tuple[GrantToCheck, ...]:
    """The three grants for this call, with the exact statements as far as they are known.

    What the call does not name stands as a placeholder: `UNKNOWN_KEY` and the like.
    """
    principal = call.caller.arn or UNKNOWN_PRINCIPAL
    named = _with_placeholder_bucket(call)
    narrow = NarrowStatements(named, principal, Choices(scope=Scope.OBJECT), _scopes(named))
    scoped = narrow.scoped_patterns[0]
    key = _key(call)
    found: list[GrantToCheck] = []
    s3_grantable = bool(named.s3_actions) and not forbidden_among(named.s3_actions)
    kms_grantable = bool(named.kms_actions) and not forbidden_among(named.kms_actions)
    if named.s3_actions:
        statement = narrow.bucket_statement(scoped, "").to_statement(call.access)
        found.append(
            GrantToCheck(
                GrantName.BUCKET_POLICY,
                f"bucket policy of {named.bucket}",
                "the account that owns the bucket",
                _why(call, StatedPolicyType.RESOURCE, "s3"),
                (statement,) if s3_grantable else (),
            )
        )
    if named.kms_actions:
        use = narrow.key_statement(key, scoped if named.s3_actions else None)
        found.append(
            GrantToCheck(
                GrantName.KEY_POLICY,
                f"key policy of {key.arn}",
                "the account that owns the key",
                _why(call, StatedPolicyType.RESOURCE, "kms"),
                (use.to_statement(call.access),) if kms_grantable else (),
            )
        )
    bucket, with_key = s3_grantable, key if kms_grantable else None
    statements = (
        narrow.iam_statements(scoped if named.s3_actions else None, with_key, bucket=bucket)
        if bucket or with_key
        else ()
    )
    found.append(
        GrantToCheck(
            GrantName.IAM_POLICY,
            f"IAM policy of {principal}",
            "the caller's own account",
            _why(call, StatedPolicyType.IDENTITY, ""),
            tuple(one.to_statement(call.access) for one in statements),
        )
    )
    return tuple(found)


def _why(call: DeniedCall, policy_type: StatedPolicyType, service: str) -> str:
    """What AWS's message means for one grant."""
    message = call.message
    leg = (message.action or "").partition(":")[0]
    other_leg = service and leg and leg != service
    if message.policy_type is not policy_type or other_leg:
        if message.ambiguous and service == "kms":
            return "AWS's sentence is about this one, or about the key's Region"
        return "AWS says nothing about this one: look"
    if message.explicit_deny:
        return "AWS says that a statement here denies the call: an allow does not help"
    return "AWS says that this one does not allow it"


def _with_placeholder_bucket(call: DeniedCall) -> DeniedCall:
    if call.bucket or not call.s3_actions:
        return call
    return replace(call, bucket=UNKNOWN_BUCKET)


def _scopes(call: DeniedCall) -> tuple[ScopedPattern, ...]:
    if any(is_object_action(action) for action in call.s3_actions):
        return scopes_for(call, Scope.OBJECT)
    return (ScopedPattern(Scope.BUCKET, (), default=True),)


def _key(call: DeniedCall) -> KeyEvidence:
    arn = call.kms_key if parse_arn(call.kms_key) else None
    if arn is None and call.region:
        arn = UNKNOWN_KEY.replace("REGION", call.region)
    arn = arn or UNKNOWN_KEY
    named = Arn.parse(arn)
    return KeyEvidence(
        arn,
        call.kms_key_source or KeySource.ERROR_MESSAGE,
        named.account,
        named.region,
        _NOT_READ,
        _NOT_READ,
        _NOT_READ,
        _NOT_READ,
        corroborated=False,
    )
