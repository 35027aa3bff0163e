"""What is known of a request's context, and what is only missing from the record.

A condition key that the record does not carry is not a key the request did not have. The evaluator
treats a missing key as absent; so the diagnosis must know the difference (see
`threegrants.iam.partial`). What is known of each key stands in `diagnosis.context_keys`; here it is
put together with what AWS itself wrote down.
"""

from collections.abc import Iterator, Mapping

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis.context_keys import AskedContext, context_of
from threegrants.diagnosis.context_keys.kms import encryption_context_arn, possible_context_arns
from threegrants.diagnosis.context_keys.principal import caller_arn as _caller_arn
from threegrants.evidence import Evidence, KeyEvidence
from threegrants.iam import RequestContext
from threegrants.iam.partial import ContextValue

__all__ = [
    "caller_arn",
    "encryption_context_arn",
    "kms_request_context",
    "possible_context_arns",
    "s3_request_context",
]


def s3_request_context(call: DeniedCall, evidence: Evidence) -> RequestContext:
    """The context of the S3 request itself."""
    known = context_of(AskedContext(call, evidence))
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    passed = {"iam:PassedToService": call.passed_to} if call.passed_to else {}
    return _with_stated(known, {**passed, **dict(_stated_by_aws(call, evidence))})


def kms_request_context(call: DeniedCall, evidence: Evidence, key: KeyEvidence) -> RequestContext:
    """The context of the KMS request that S3 makes for the caller, or that the caller made.

    Args:
        call: the denied call, to S3 or to KMS itself.
        evidence: what was read for it.
        key: what was read of the key that the request uses.
    """
    asked = AskedContext(call, evidence, key)
    known = context_of(asked)
    if asked.is_recorded:
        return _with_stated(known, dict(_stated_by_aws(call, evidence)))
    # Of a KMS request made by S3, only what is said of the principal is the same.
    of_principal = {
        name: value
        for name, value in call.condition_keys.items()
        if name.lower().startswith("aws:principal")
    }
    return _with_stated(known, of_principal)


def caller_arn(call: DeniedCall, evidence: Evidence) -> str | None:
    """The caller's ARN as it was read, else as the record states it."""
    return _caller_arn(AskedContext(call, evidence))


def _stated_by_aws(call: DeniedCall, evidence: Evidence) -> Iterator[tuple[str, ContextValue]]:
    """What AWS itself wrote down of the request's context outweighs what we derive."""
    yield from call.condition_keys.items()
    found = evidence.authorization.value_or_none
    for one in found.actions if found else ():
        if one.action == call.action:
            yield from one.context.items()


def _with_stated(known: RequestContext, stated: Mapping[str, ContextValue]) -> RequestContext:
    names = {name.lower() for name in stated}
    kept = {name: value for name, value in known.values.items() if name.lower() not in names}
    return RequestContext({**kept, **stated}, known.known_absent - names)
