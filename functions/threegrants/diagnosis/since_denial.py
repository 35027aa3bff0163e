"""A denied call under the policies of its denial and under those in force now, as one answer. Pure.

The verdicts say why the call was refused then. What follows (the outcome, and what is proposed) is about
the policies in force now: those are what a patch changes.
"""

from dataclasses import replace

from threegrants.diagnosis.at_denial import changed_since
from threegrants.diagnosis.blockers import unique
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.summary import causes_of
from threegrants.diagnosis.verdicts import BlockerKind, Diagnosis, Verdict

_AWSS_MESSAGE = "AWS's own message"


def since_denial(facts: Facts, now: Diagnosis, then: Diagnosis) -> Diagnosis:
    """One answer of two.

    Args:
        facts: of the call, with the policies in force now.
        now: the diagnosis under them.
        then: the diagnosis under the policies that AWS evaluated at the denial.
    """
    # A policy that was changed since is no contradiction of AWS's message.
    explained = [one for one in now.unknowns if one.what != _AWSS_MESSAGE]
    same = _decides(now) == _decides(then)
    changed = tuple(changed_since(facts).values()) or (
        () if same else _where_they_differ(now, then)
    )
    both = replace(
        now,
        certainty=then.certainty,
        unknowns=unique([*(one for one in then.unknowns if one.what == _AWSS_MESSAGE), *explained]),
        changed_since=changed,
    )
    if not changed:
        return both
    since = f"Since the denial {_listed(changed)} {_were(changed)} changed"
    if same:
        text = f"{now.summary} {since}; what is in force now comes to the same."
        return replace(both, summary=text)
    text = f"{now.summary} That is under what is in force now. {since}; at the denial {_why(facts, then)}."
    return replace(
        both,
        bucket_policy=then.bucket_policy,
        key_policy=then.key_policy,
        iam_policy=then.iam_policy,
        blockers=then.blockers,
        summary=text,
        now=now,
    )


def _decides(found: Diagnosis) -> tuple[tuple[Verdict, ...], frozenset[BlockerKind]]:
    """The verdicts and the kinds of blockers."""
    iam = found.iam_policy
    verdicts = (found.bucket_policy, found.key_policy, iam.bucket, iam.key)
    kinds = frozenset(blocker.kind for blocker in found.blockers)
    return tuple(grant.verdict for grant in verdicts), kinds


def _where_they_differ(now: Diagnosis, then: Diagnosis) -> tuple[str, ...]:
    grants = (
        ("the bucket policy", now.bucket_policy, then.bucket_policy),
        ("the key policy", now.key_policy, then.key_policy),
        ("the identity-based policies", now.iam_policy, then.iam_policy),
    )
    found = [name for name, one, other in grants if one.verdict is not other.verdict]
    kinds = {one.kind for one in now.blockers} ^ {one.kind for one in then.blockers}
    return (*found, *(f"the {kind.words}" for kind in sorted(kinds)))


def _why(facts: Facts, then: Diagnosis) -> str:
    """What refused the call at the denial."""
    grants = (then.bucket_policy, then.key_policy, then.iam_policy)
    causes = [*causes_of(facts, grants), *(one.detail for one in then.blockers[:1])]
    return "; ".join(causes) or "not every policy that decided is shown"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _were(names: tuple[str, ...]) -> str:
    return "were" if len(names) > 1 or names[0].endswith("policies") else "was"
