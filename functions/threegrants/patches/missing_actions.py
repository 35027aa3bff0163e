"""Which actions a patch would grant: what is granted already is not granted again."""

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis import Diagnosis, Verdict


def missing_actions(call: DeniedCall, diagnosis: Diagnosis) -> tuple[str, ...]:
    """The actions that a patch would grant: those of the call that some grant lacks."""
    iam = diagnosis.iam_policy
    legs = (
        (diagnosis.bucket_policy, call.s3_actions),
        (iam.bucket, call.s3_actions),
        (diagnosis.key_policy, call.kms_actions),
        (iam.key, call.kms_actions),
    )
    return tuple(
        action
        for grant, needed in legs
        if grant.verdict is Verdict.MISSING
        for action in grant.actions or needed
    )
