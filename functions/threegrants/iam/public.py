"""Whether S3 calls a bucket policy public.

An Allow to everyone is public unless a condition pins it to fixed values of certain keys:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

from threegrants.aws.arn import FIELDS, is_account_id, split
from threegrants.iam.conditions import Comparison, Condition, SetOperator
from threegrants.iam.documents import Policy

_PINNING = frozenset(
    {
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_WIDEST = {"4": 8, "6": 32}
"""The shortest prefix of an address range that S3 does not call public."""


def is_public(policy: Policy) -> bool:
    """Whether any statement of a bucket policy grants to everyone."""
    return any(
        statement.allows
        and statement.principals is not None
        and (statement.principals.anyone or statement.principals.inverted)
        and not any(_pins(condition) for condition in statement.conditions)
        for statement in policy.statements
    )


def _pins(condition: Condition) -> bool:
    """Whether a condition ties the grant to fixed values: a positive operator, no wildcards."""
    operator = condition.operator
    if condition.key not in _PINNING or operator is None or operator.negated:
        return False
    if condition.if_exists or condition.set_operator is SetOperator.FOR_ALL_VALUES:
        return False
    if condition.key == "aws:sourceip":
        return all(_narrow(wanted.text) for wanted in condition.policy_values)
    wild = operator.comparison in {Comparison.STRING_PATTERN, Comparison.ARN_PATTERN}
    for wanted in condition.policy_values:
        if wanted.parts is not None:
            return False
        if wild and ("*" in wanted.text or "?" in wanted.text) and not _arn_of_account(wanted.text):
            return False
    return True


def _arn_of_account(text: str) -> bool:
    """An ARN pattern whose account field is fixed, such as `arn:aws:…:111122223333:accesspoint/*`."""
    fields = split(text)
    return len(fields) == FIELDS and is_account_id(fields[4])


def _narrow(text: str) -> bool:
    _, slash, bits = text.partition("/")
    if not slash:
        return True
    return bits.isdigit() and int(bits) >= _WIDEST["6" if ":" in text else "4"]
