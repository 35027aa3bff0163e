"""An incident without what must not leave the house: for whoever holds a signed link; pure.

What stays is the shape of the case: states, verdicts, actions, codes, times. Names are replaced by
numbered words; every free text, policy, patch and message is left out, because no rule tells what stands in it.
"""

import re
from dataclasses import dataclass, replace

from threegrants.aws.arn import is_account_id, parse_arn
from threegrants.error_text.redact import Redaction
from threegrants.page.view.words import VERDICTS, Word
from threegrants.report import (
    BlockerReport,
    GrantReport,
    GrantsReport,
    IamGrantReport,
    PrincipalReport,
    ReasonReport,
    Report,
    RequestReport,
)

_ACTION = re.compile(r"[a-z0-9-]{1,20}:[A-Za-z0-9]{1,60}")
_OPERATION = re.compile(r"[A-Za-z0-9]{1,60}")
_CODE = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class RedactedGrant:
    """One grant: its verdict, its actions, and the codes of its reasons as words."""

    name: str
    word: Word
    actions: tuple[str, ...]
    reasons: tuple[str, ...]


def redacted(report: Report) -> Report:
    """The report's shape, with numbered words for names."""
    redaction = Redaction()
    principal = report.principal
    account = _account(redaction, principal.account)
    return replace(
        report,
        principal=PrincipalReport(
            arn=_principal_arn(principal, account),
            session_arn=None,
            account=account,
            type=principal.type,
            service=principal.service if _is_service(principal.service) else None,
        ),
        request=_request(redaction, report.request),
        grants=_grants(report.grants),
        copy_source=None,
        blockers=tuple(
            BlockerReport(_code(one.kind), one.verdict, None, None, "", "")
            for one in report.blockers
        ),
        causes=(),
        unknowns=(),
        patches=(),
        handoffs=(),
        summary="",
        message=None,
        since_denial=None,
    )


def redacted_grants(report: Report) -> tuple[RedactedGrant, ...]:
    """The grants of a redacted report, as its page shows them."""
    return tuple(
        RedactedGrant(
            name=name[0].upper() + name[1:],
            word=VERDICTS[grant.verdict],
            actions=grant.actions,
            reasons=tuple(one.code.replace("_", " ") for one in grant.reasons),
        )
        for name, grant in report.grants.rows
    )


def _request(redaction: Redaction, request: RequestReport) -> RequestReport:
    bucket = "bucket-1" if request.bucket else None
    key = "object-1" if request.object_key else None
    path = f"{bucket}/{key}" if key else bucket
    kms_key = parse_arn(request.kms_key) if request.kms_key else None
    known_key = None
    if kms_key:
        owner = _account(redaction, kms_key.account) or ""
        known_key = str(replace(kms_key, account=owner, region="", resource="key/key-1"))
    elif request.kms_key:
        known_key = "key-1"
    return replace(
        request,
        action=request.action if request.action and _ACTION.fullmatch(request.action) else None,
        operation=request.operation
        if request.operation and _OPERATION.fullmatch(request.operation)
        else None,
        resource=f"arn:aws:s3:::{path}" if path else None,
        bucket=bucket,
        bucket_account=_account(redaction, request.bucket_account),
        object_key=key,
        region=None,
        kms_key=known_key,
        kms_actions=_actions(request.kms_actions),
        event_ids=(),
    )


def _principal_arn(principal: PrincipalReport, account: str | None) -> str | None:
    arn = parse_arn(principal.arn) if principal.arn else None
    kind = arn.resource_type if arn and arn.resource_type in ("role", "user") else "principal"
    return f"arn:aws:iam::{account or ''}:{kind}/{kind}-1" if principal.arn else None


def _account(redaction: Redaction, account: str | None) -> str | None:
    return redaction(account) if account and is_account_id(account) else None


def _grants(grants: GrantsReport) -> GrantsReport:
    iam = grants.iam_policy
    return GrantsReport(
        bucket_policy=_grant(grants.bucket_policy),
        key_policy=_grant(grants.key_policy),
        iam_policy=IamGrantReport(iam.verdict, (), _grant(iam.bucket), _grant(iam.key)),
    )


def _grant(grant: GrantReport) -> GrantReport:
    codes = dict.fromkeys(_code(one.code) for one in grant.reasons)
    return GrantReport(
        grant.verdict,
        tuple(ReasonReport(code, None, None, "") for code in codes),
        _actions(grant.actions),
    )


def _actions(actions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in actions if _ACTION.fullmatch(one))


def _code(code: str) -> str:
    return code if _CODE.fullmatch(code) else "other"


def _is_service(name: str | None) -> bool:
    return bool(name and re.fullmatch(r"[a-z0-9-]{1,40}\.amazonaws\.com", name))
