"""The three grants as the page shows them: verdict, reasons, and the statement that decided, quoted; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from threegrants.diagnosis import Verdict
from threegrants.page.view.statement_quote import StatementQuote, quote, quote_from_policy
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import VERDICTS, Word
from threegrants.report import GrantReport, GrantsReport, PatchReport, ReasonReport, Report


@dataclass(frozen=True, slots=True)
class ReasonView:
    """Why a verdict is what it is.

    Args:
        place: the policy and its statement; empty if it names none.
        text: the sentence.
        advice: what the caller can do; empty if that is not it.
        quote: the statement, with what decided marked; None if its text is not kept.
        near: whether the statement nearly allowed the call, rather than decided it.
    """

    place: str
    text: str
    advice: str
    quote: StatementQuote | None
    near: bool


@dataclass(frozen=True, slots=True)
class LegView:
    """One check of a policy: for the bucket, or for the key.

    Args:
        label: which; empty where there is only one.
        word: its verdict.
        actions: the actions it is about.
        reasons: why.
    """

    label: str
    word: Word
    actions: tuple[str, ...]
    reasons: tuple[ReasonView, ...]


@dataclass(frozen=True, slots=True)
class GrantView:
    """One grant.

    Args:
        name: which policy.
        word: the verdict.
        legs: its checks: one, or of the IAM policy two.
    """

    name: str
    word: Word
    legs: tuple[LegView, ...]


def grants_of(report: Report, grants: GrantsReport, bucket: str | None) -> tuple[GrantView, ...]:
    """The three grants of a report, or of its copy's source.

    Args:
        report: it has the patches, whose documents hold the statements.
        grants: the verdicts.
        bucket: whose bucket policy it is.
    """
    iam = grants.iam_policy
    in_bucket, in_key, in_iam = (
        _documents(report.patches, name, bucket)
        for name in ("bucket_policy", "key_policy", "iam_policy")
    )
    return (
        GrantView(
            "Bucket policy",
            VERDICTS[grants.bucket_policy.verdict],
            (_leg("", grants.bucket_policy, in_bucket),),
        ),
        GrantView(
            "KMS key policy",
            VERDICTS[grants.key_policy.verdict],
            (_leg("", grants.key_policy, in_key),),
        ),
        GrantView(
            "IAM policy of the caller",
            VERDICTS[iam.verdict],
            (_leg("For the bucket", iam.bucket, in_iam), _leg("For the key", iam.key, in_iam)),
        ),
    )


def _leg(label: str, grant: GrantReport, documents: tuple[str, ...]) -> LegView:
    reasons = tuple(_reason(one, grant.verdict, documents) for one in grant.reasons)
    return LegView(label, VERDICTS[grant.verdict], grant.actions, reasons)


def _documents(patches: Iterable[PatchReport], grant: str, bucket: str | None) -> tuple[str, ...]:
    """The documents as they were read, as far as a patch was made for them."""
    found = {
        patch.before: None
        for patch in patches
        if patch.grant == grant
        and patch.before
        and not patch.alternative
        and (grant != "bucket_policy" or patch.target.endswith(f":{bucket}"))
    }
    return tuple(found)


def _reason(reason: ReasonReport, verdict: Verdict, documents: tuple[str, ...]) -> ReasonView:
    found = (quote_from_policy(one, reason.sid, reason.code, reason.detail) for one in documents)
    quoted = next((one for one in found if one), None)
    if quoted is None and reason.statement:
        quoted = quote(reason.statement, "", reason.code, reason.detail)
    parts = [shortened(part, 90) for part in (reason.policy, _statement_words(reason.sid)) if part]
    return ReasonView(
        place=", ".join(parts),
        text=sentence(reason.detail),
        advice=sentence(reason.advice, first=False) if reason.advice else "",
        quote=quoted,
        near=verdict is Verdict.MISSING,
    )


def _statement_words(sid: str | None) -> str:
    """`statement 2` for `#1`: people count from 1; a `Sid` as it is."""
    if sid and sid[0] == "#" and sid[1:].isascii() and sid[1:].isdigit():
        return f"statement {int(sid[1:4]) + 1}" if len(sid) <= 4 else f"statement {sid}"  # noqa: PLR2004
    return f"statement {sid}" if sid else ""


def sentence(text: str, *, first: bool = True, most: int = 600) -> str:
    """A detail of a report as a sentence: with a capital letter, and a full stop at its end.

    Args:
        text: the detail.
        first: whether it begins the sentence.
        most: characters to keep.
    """
    shown = shortened(text, most)
    if not shown:
        return ""
    begun = shown[0].upper() + shown[1:] if first and not shown.startswith("arn:") else shown
    return begun if begun[-1] in ".!?" else f"{begun}."
