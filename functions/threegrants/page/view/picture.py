"""The picture of an incident: caller, bucket and key, and the three grants between them; pure.

Two lanes go down from the caller: one to the bucket, one to the KMS key. Each passes the caller's IAM
policy and then the resource's own policy. Coordinates are those of the SVG's view box.
"""

from dataclasses import dataclass

from threegrants.aws.arn import account_in
from threegrants.diagnosis import Verdict
from threegrants.page.view.visible import fitted
from threegrants.page.view.words import VERDICTS, Word
from threegrants.report import GrantReport, Report
from threegrants.report.headline import who

WIDTH = 360
_LEFT, _RIGHT = 98, 262
_NAME_COLUMNS = 17
_KEY_COLUMNS = 15
_CALLER_COLUMNS = 30


@dataclass(frozen=True, slots=True)
class Gate:
    """One policy on one lane.

    Args:
        x: the middle of its lane.
        name: which policy.
        word: its verdict.
    """

    x: int
    name: str
    word: Word


@dataclass(frozen=True, slots=True)
class Target:
    """What a lane leads to.

    Args:
        x: the middle of its lane.
        kind: `Bucket`, `KMS key`.
        name: its name, cut to the box.
        needed: whether the call needs it.
    """

    x: int
    kind: str
    name: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a lane.

    Args:
        x: where it stands.
        y1: its upper end.
        y2: its lower end.
        kind: `passes`, `stops` or `idle`.
        is_last: whether it ends at the bucket or the key.
    """

    x: int
    y1: int
    y2: int
    kind: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn.

    Args:
        alt: the same in a sentence.
        height: of the view box.
        caller: the caller's name, cut to the box.
        caller_account: its account; empty if not known.
        blockers: what else stops the call, cut to the box; drawn right below the caller.
        more_blockers: how many more there are.
        iam_word: the IAM policy's verdict.
        iam: its two legs' verdicts.
        resource_policies: bucket policy and key policy.
        targets: bucket and key.
        segments: the lines.
        border: what stands on the line between the accounts; empty within one account.
        y_blockers: where the blockers' band begins; 0 without one.
        y_iam: where the IAM policy begins.
        y_border: where the line between the accounts is.
        y_policies: where the resource policies begin.
        y_targets: where bucket and key begin.
    """

    alt: str
    height: int
    caller: str
    caller_account: str
    blockers: tuple[str, ...]
    more_blockers: int
    iam_word: Word
    iam: tuple[Gate, Gate]
    resource_policies: tuple[Gate, Gate]
    targets: tuple[Target, Target]
    segments: tuple[Segment, ...]
    border: str
    y_blockers: int
    y_iam: int
    y_border: int
    y_policies: int
    y_targets: int


_CALLER_BOTTOM = 58
_BAND, _BAND_GAP = 34, 16
_IAM_HEIGHT, _POLICY_HEIGHT, _TARGET_HEIGHT = 66, 62, 54


def picture_of(report: Report) -> Picture:
    """The picture of a report."""
    blockers = list(dict.fromkeys(one.kind_in_words for one in report.blockers))
    y_blockers = _CALLER_BOTTOM + _BAND_GAP if blockers else 0
    y_iam = (y_blockers + _BAND if blockers else _CALLER_BOTTOM) + 24
    y_border = y_iam + _IAM_HEIGHT + 22
    y_policies = y_border + 20
    y_targets = y_policies + _POLICY_HEIGHT + 26
    grants, request = report.grants, report.request
    iam = grants.iam_policy
    lanes = (
        (_LEFT, iam.bucket, grants.bucket_policy),
        (_RIGHT, iam.key, grants.key_policy),
    )
    segments: list[Segment] = []
    for x, first, second in lanes:
        idle = _is_idle(first) and _is_idle(second)
        stopped = bool(blockers)
        at_iam = "idle" if idle else "stops" if stopped else "passes"
        segments.append(Segment(x, _CALLER_BOTTOM, y_iam, "idle" if idle else "passes", False))
        if stopped and not idle:
            segments[-1] = Segment(x, _CALLER_BOTTOM, y_blockers, "passes", False)
            segments.append(Segment(x, y_blockers + _BAND, y_iam, at_iam, False))
        segments.append(
            Segment(x, y_iam + _IAM_HEIGHT, y_policies, _after(first, idle=idle), False)
        )
        segments.append(
            Segment(x, y_policies + _POLICY_HEIGHT, y_targets, _after(second, idle=idle), True)
        )
    key_needed = not (_is_idle(iam.key) and _is_idle(grants.key_policy))
    key_name = (request.kms_key or "").rpartition("/")[2]
    return Picture(
        alt=_alt(report, blockers),
        height=y_targets + _TARGET_HEIGHT + 2,
        caller=fitted(_caller_name(report), _CALLER_COLUMNS),
        caller_account=fitted(report.principal.account or "", _NAME_COLUMNS),
        blockers=tuple(fitted(one, 34) for one in blockers[:1]),
        more_blockers=max(0, len(blockers) - 1),
        iam_word=VERDICTS[iam.verdict],
        iam=(_gate(_LEFT, "for the bucket", iam.bucket), _gate(_RIGHT, "for the key", iam.key)),
        resource_policies=(
            _gate(_LEFT, "Bucket policy", grants.bucket_policy),
            _gate(_RIGHT, "KMS key policy", grants.key_policy),
        ),
        targets=(
            Target(
                _LEFT,
                "Bucket",
                fitted(request.bucket, _NAME_COLUMNS) if request.bucket else "takes no part",
                bool(request.bucket),
            ),
            Target(
                _RIGHT,
                "KMS key",
                fitted(key_name, _KEY_COLUMNS)
                if key_name and key_needed
                else ("not known which" if key_needed else "takes no part"),
                key_needed,
            ),
        ),
        segments=tuple(segments),
        border=_border(report),
        y_blockers=y_blockers,
        y_iam=y_iam,
        y_border=y_border,
        y_policies=y_policies,
        y_targets=y_targets,
    )


def _gate(x: int, name: str, grant: GrantReport) -> Gate:
    return Gate(x, name, VERDICTS[grant.verdict])


def _is_idle(grant: GrantReport) -> bool:
    return grant.verdict is Verdict.NOT_NEEDED


def _after(grant: GrantReport, *, idle: bool) -> str:
    """How a lane goes on behind a policy."""
    if idle or grant.verdict is Verdict.UNKNOWN:
        return "idle"
    return "stops" if grant.verdict in (Verdict.MISSING, Verdict.DENIED) else "passes"


def _caller_name(report: Report) -> str:
    return who(report).rpartition("@")[0] or report.principal.name


def _border(report: Report) -> str:
    """The line between the caller's account and the owner's; empty if there is none, or it is not known."""
    owner = report.request.bucket_account or account_in(report.request.kms_key)
    if not report.request.cross_account or not owner:
        return ""
    return f"account {fitted(owner, 12)}"


def _alt(report: Report, blockers: list[str]) -> str:
    grants = report.grants
    said = [
        f"IAM policy for the bucket {_said(grants.iam_policy.bucket)}",
        f"bucket policy {_said(grants.bucket_policy)}",
        f"IAM policy for the key {_said(grants.iam_policy.key)}",
        f"KMS key policy {_said(grants.key_policy)}",
    ]
    more = f"; also blocked by {', '.join(blockers)}" if blockers else ""
    return f"From the caller to the bucket and its key: {', '.join(said)}{more}."


def _said(grant: GrantReport) -> str:
    return VERDICTS[grant.verdict].text
