"""From a denied call and its evidence to a diagnosis."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.diagnosis.at_denial import facts_at_denial
from threegrants.diagnosis.aws_details import certainty, reconcile_with_aws
from threegrants.diagnosis.blockers import blockers, missing_information, unique
from threegrants.diagnosis.copied_tags import copied_tags, with_copied_tags
from threegrants.diagnosis.facts import Facts, facts_of
from threegrants.diagnosis.guardrails import GuardrailFindings, guardrails
from threegrants.diagnosis.key_doubts import key_doubts, passed_over_key
from threegrants.diagnosis.legs import LegVerdicts, kms_leg, s3_leg
from threegrants.diagnosis.missing_object import missing_object
from threegrants.diagnosis.non_policy_blockers import unseen_blockers
from threegrants.diagnosis.since_denial import since_denial
from threegrants.diagnosis.summary import summarise
from threegrants.diagnosis.unseen_object import decides, settled_by_kms, unseen_object, unseen_tags
from threegrants.diagnosis.verdicts import (
    Blocker,
    BlockerKind,
    Certainty,
    Diagnosis,
    Grant,
    GrantName,
    IamGrant,
    MissingInformation,
    Outcome,
    Verdict,
    worst,
)
from threegrants.evidence import Evidence

_PATCHABLE = (CallerType.ROLE, CallerType.USER)
_ABOUT_THE_KEY = frozenset({BlockerKind.KEY_STATE, BlockerKind.KEY_REGION})


def diagnose(
    call: DeniedCall, evidence: Evidence, writable: frozenset[str] | None = None
) -> Diagnosis:
    """Say which grant is missing, or what else stops the call.

    Args:
        call: the denied call.
        evidence: the snapshot taken for it.
        writable: accounts in which approved patches may be applied; None for "all that were
            read" (the command line, which applies nothing).
    """
    return diagnose_facts(facts_of(call, evidence), writable)


def diagnose_facts(
    facts: Facts,
    writable: frozenset[str] | None = None,
    findings: GuardrailFindings | None = None,
    *,
    hints: bool = True,
) -> Diagnosis:
    """The same for facts that are worked out already.

    Args:
        facts: of the call, and of a copy those of reading its source.
        writable: accounts in which approved patches may be applied; None for all.
        findings: what the guardrails say, where that is known already; they do not depend on the
            three grants. Not for the facts of a copy.
        hints: whether to look for what else would explain the denial of a call that is allowed, and
            for what was in force at the denial.
    """
    own = _diagnose_bucket(facts, writable, findings or guardrails(facts), hints=hints)
    then = facts_at_denial(facts) if hints else None
    if then is not None:
        own = since_denial(
            facts, own, _diagnose_bucket(then, writable, guardrails(then), hints=True)
        )
    if facts.source is None:
        return own
    whole = _diagnose_copy(facts.call, own, diagnose_facts(facts.source, writable))
    tags = copied_tags(facts) if hints and whole.allowed_as_read else None
    return with_copied_tags(whole, facts, tags) if tags else whole


def _diagnose_bucket(
    facts: Facts, writable: frozenset[str] | None, findings: GuardrailFindings, *, hints: bool
) -> Diagnosis:
    """One call on one bucket."""
    s3 = reconcile_with_aws(s3_leg(facts), "s3", facts)
    as_read = reconcile_with_aws(kms_leg(facts), "kms", facts)
    kms = settled_by_kms(as_read, facts) if hints else as_read
    grants = _grants(s3, kms)
    iam = grants[2]
    stops, missing = _set_missing_object_aside(blockers(facts, findings), grants)
    grantee = _grantee(facts)
    unseen = unseen_blockers(facts)
    decide = partial(
        _outcome,
        stops=stops,
        reachable=_reachable(grants, facts, writable) and bool(grantee),
        doubtful=bool(findings.missing_information or passed_over_key(facts) or unseen),
        guarded=any(grant.unmet_conditions for grant in (s3.resource, kms.resource, *_both(iam))),
    )
    outcome = decide(grants)
    presumed: Outcome | None = None
    if facts.key_is_named_by_caller:
        outcome, presumed = decide(grants, surely=(s3.resource, s3.identity)), outcome
        if outcome is not Outcome.UNKNOWN:
            presumed = None
    as_was_read = decide(_grants(s3, as_read))
    nothing_read_stops = as_was_read is Outcome.ALREADY_ALLOWED and not facts.key_is_named_by_caller
    assumed = unseen_object(facts) if nothing_read_stops and hints else ()
    if outcome is Outcome.ALREADY_ALLOWED and assumed and decides(facts):
        outcome = Outcome.UNKNOWN
    hint = missing_object(facts) if nothing_read_stops and hints else None
    kinds = frozenset(blocker.kind for blocker in stops)
    sure, contradiction = certainty(facts, s3, kms, kinds, findings.evaluated)
    if sure is Certainty.CONFIRMED and outcome is Outcome.UNKNOWN:
        sure = Certainty.EVALUATED  # AWS names one cause; whether there is another is not known
    return Diagnosis(
        *grants,
        blockers=stops,
        unknowns=(
            *key_doubts(facts),
            *contradiction,
            *assumed,
            *unseen_tags(facts, _not_decided(grants, findings)),
            *unseen,
            *missing_information(facts, findings),
            *((hint,) if hint else ()),
            *missing,
            *_untrusted(facts, outcome, writable),
        ),
        outcome=outcome,
        summary=summarise(
            facts,
            grants,
            stops,
            presumed or outcome,
            may_be_missing=bool(hint),
            assumed=assumed,
        ),
        cross_account=_cross_account(facts),
        grantee=grantee,
        certainty=sure,
        presumed_outcome=presumed,
        nothing_read_stops=nothing_read_stops,
    )


def _grants(s3: LegVerdicts, kms: LegVerdicts) -> tuple[Grant, Grant, IamGrant]:
    """The verdicts on the three grants, from those on the two legs."""
    iam = IamGrant(
        worst(s3.identity.verdict, kms.identity.verdict),
        (*s3.identity.reasons, *kms.identity.reasons),
        s3.identity,
        kms.identity,
    )
    return s3.resource, kms.resource, iam


def _not_decided(
    grants: tuple[Grant, Grant, IamGrant], findings: GuardrailFindings
) -> Iterator[str]:
    """Why verdicts and guardrails are not known, in words."""
    for grant in (*grants[:2], *_both(grants[2])):
        if grant.verdict is Verdict.UNKNOWN:
            yield from (reason.detail for reason in grant.reasons)
    yield from (item.why for item in findings.missing_information)


_COPY_ORDER = (
    Outcome.DO_NOT_PATCH,
    Outcome.UNKNOWN,
    Outcome.HANDOFF,
    Outcome.FIXABLE,
    Outcome.ALREADY_ALLOWED,
)
"""Of a copy, writing and reading must both work: the graver outcome is the whole's."""


def _diagnose_copy(call: DeniedCall, own: Diagnosis, source: Diagnosis) -> Diagnosis:
    """A copy: writing the destination and reading the source, both of which must be allowed."""
    outcome = min((own.outcome, source.outcome), key=_COPY_ORDER.index)
    presumed = None
    if outcome is Outcome.UNKNOWN and (own.presumed_outcome or source.presumed_outcome):
        each = [one.presumed_outcome or one.outcome for one in (own, source)]
        presumed = min(each, key=_COPY_ORDER.index)
    where = call.copy_source
    name = f"s3://{where.bucket}/{where.key}" if where else "the source"
    summary = own.summary
    if not source.allowed:
        parts = [f"To read the copy's source, {name}: {source.summary}"]
        summary = " ".join(parts if own.allowed else [own.summary, *parts])
    return replace(
        own,
        outcome=outcome,
        presumed_outcome=presumed,
        summary=summary,
        source=source,
        nothing_read_stops=own.nothing_read_stops and source.nothing_read_stops,
        blockers=(*own.blockers, *(one for one in source.blockers if one not in own.blockers)),
        unknowns=unique([
            *own.unknowns,
            *(replace(item, what=f"copy source: {item.what}") for item in source.unknowns),
        ]),
    )  # fmt: skip


def _set_missing_object_aside(
    stops: tuple[Blocker, ...], grants: Iterable[Grant | IamGrant]
) -> tuple[tuple[Blocker, ...], tuple[MissingInformation, ...]]:
    """A missing object stops the call only where nothing else does; else it is worth a word."""
    gone = [blocker for blocker in stops if blocker.kind is BlockerKind.OBJECT_MISSING]
    refused = any(grant.verdict in (Verdict.MISSING, Verdict.DENIED) for grant in grants)
    if not gone or not refused:
        return stops, ()
    rest = tuple(blocker for blocker in stops if blocker.kind is not BlockerKind.OBJECT_MISSING)
    return rest, (MissingInformation("the object", gone[0].detail, "an object of that key"),)


def _outcome(
    grants: Iterable[Grant | IamGrant],
    stops: tuple[Blocker, ...],
    *,
    reachable: bool,
    doubtful: bool,
    surely: Iterable[Grant] | None = None,
    guarded: bool = False,
) -> Outcome:
    """The first line that holds decides; the order is the rule.

    `doubtful`: a guardrail was read, but what it says depends on something that is not known; or a
    record names another key than the one that is corroborated.
    `surely`: where only the caller names the key, the grants that are not about it: what the others
    say may have nothing to do with the object.
    `guarded`: a statement of the owner would allow the call if it were made another way.
    """
    verdicts = {grant.verdict for grant in grants}
    denies = verdicts if surely is None else {grant.verdict for grant in surely}
    stopped = any(one.deliberate and not (surely and one.kind in _ABOUT_THE_KEY) for one in stops)
    if Verdict.DENIED in denies or stopped:
        return Outcome.DO_NOT_PATCH
    if Verdict.UNKNOWN in verdicts or surely is not None:
        return Outcome.UNKNOWN
    if stops:
        return Outcome.HANDOFF
    if Verdict.MISSING not in verdicts:
        return Outcome.UNKNOWN if doubtful else Outcome.ALREADY_ALLOWED
    return Outcome.FIXABLE if reachable and not guarded else Outcome.HANDOFF


def _both(iam: IamGrant) -> tuple[Grant, Grant]:
    return iam.bucket, iam.key


def _untrusted(
    facts: Facts, outcome: Outcome, writable: frozenset[str] | None
) -> tuple[MissingInformation, ...]:
    """The accounts that keep a hand-off from being applied by this service."""
    if writable is None or outcome is not Outcome.HANDOFF:
        return ()
    strange = named_accounts(facts) - writable
    named = [f"account {account} is not in TrustedAccounts" for account in sorted(strange - {""})]
    if "" in strange:
        named.append("who owns the bucket or the key is only claimed: nobody there answered for it")
    if not named:
        return ()
    why = f"{'; '.join(named)}: nothing that names it is applied"
    return (MissingInformation("direct write", why, "the owners' own decision"),)


def _grantee(facts: Facts) -> str | None:
    """The one role or user a patch could name: its ARN, and nothing that only looks like one."""
    caller = facts.evidence.caller
    named = parse_arn(caller.arn.value_or_none) if caller.type in _PATCHABLE else None
    return str(named) if named and named.service == "iam" and named.account else None


def _reachable(
    grants: tuple[Grant, Grant, IamGrant], facts: Facts, writable: frozenset[str] | None
) -> bool:
    """Whether every missing grant lies where an approved patch may be written."""
    verdicts = [grant.verdict for grant in grants]
    missing = {
        name
        for name, verdict in zip(GrantName, verdicts, strict=True)
        if verdict is Verdict.MISSING
    }
    if GrantName.IAM_POLICY in missing and ":role/aws-reserved/" in (_grantee(facts) or ""):
        return False  # the permission set of IAM Identity Center owns this role's policies
    if writable is None:
        return True
    return not missing or named_accounts(facts) <= writable


def named_accounts(facts: Facts) -> frozenset[str]:
    """Every account that patches for the call name or open: who is let in, and whose data it is.

    The owner of bucket and key counts also where only the caller's own policy is patched. An empty
    text stands for an owner that nobody answered for: a record and a key's ARN only claim one.
    """
    bucket, key = facts.evidence.bucket, facts.key
    accounts = {facts.evidence.caller.account or ""}
    if bucket is not None:
        accounts.add((facts.bucket_owner or "") if bucket.owner_is_seen else "")
    if key is not None and facts.call.kms_actions:
        accounts.add(key.account if key.owner_is_seen else "")
    return frozenset(accounts)


def _cross_account(facts: Facts) -> bool | None:
    """Whether the bucket or the key is in another account; None if that is not known."""
    caller = facts.evidence.caller.account
    if not caller:
        return None
    others: list[str | None] = []
    if facts.evidence.bucket is not None:
        others.append(facts.bucket_owner)
    if facts.key is not None:
        others.append(facts.key.account)
    if any(other and other != caller for other in others):
        return True
    return None if not others or None in others else False
