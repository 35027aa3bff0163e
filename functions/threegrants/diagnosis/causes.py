"""The causes of a denial as short codes: what docs/causes.md has a section for, each."""

from threegrants.diagnosis.verdicts import Diagnosis, Verdict

_SAYS_NOTHING = (Verdict.GRANTED, Verdict.NOT_NEEDED)


def causes(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Where and why, for every grant that is not in place and every blocker, gravest first.

    `bucket_policy.no_policy`, `iam_key.action_mismatch`, `blocked.key_state`,
    `copy_source.bucket_policy.no_policy`.
    """
    iam = diagnosis.iam_policy
    grants = (
        ("bucket_policy", diagnosis.bucket_policy),
        ("key_policy", diagnosis.key_policy),
        ("iam_bucket", iam.bucket),
        ("iam_key", iam.key),
    )
    found = [
        f"{name}.{reason.code}"
        for name, grant in grants
        if grant.verdict not in _SAYS_NOTHING
        for reason in grant.reasons
    ]
    found += [f"blocked.{blocker.kind}" for blocker in diagnosis.blockers]
    if diagnosis.source is not None:
        inner = causes(diagnosis.source)
        found += [f"copy_source.{code}" for code in inner if not code.startswith("blocked.")]
    return tuple(dict.fromkeys(found))
