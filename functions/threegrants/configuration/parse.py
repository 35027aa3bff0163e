"""How a configuration is read: by its schema, then by what a schema cannot say. Pure."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from threegrants.cloudtrail import Access
from threegrants.configuration.alerts import alert_policy, alert_problems
from threegrants.configuration.configuration import Configuration
from threegrants.configuration.problem import ConfigurationError, Problem
from threegrants.configuration.schema import member, resolved, schema, violations
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS, HourlyLimit, HourlyLimits
from threegrants.patches.grantable_actions import is_grantable
from threegrants.remediation import LimitsError
from threegrants.remediation.grant_hours import GrantHours
from threegrants.remediation.page_access import NOBODY, GroupRight, PageAccess
from threegrants.remediation.standing_parameter import MAX_DAYS, standing_approval
from threegrants.suppression import parse_never_diagnose

MAX_BYTES = 1_048_576
"""The most bytes of a hosted configuration that CloudFormation takes.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-appconfig-hostedconfigurationversion.html
"""


def parse_configuration(text: str | bytes) -> Configuration:
    """The configuration that a document holds. What it leaves out is as the schema's defaults say.

    Raises:
        ConfigurationError: with everything that is wrong.
    """
    document, problems = _read(text)
    if problems:
        raise ConfigurationError(problems)
    return _configuration(document)


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    """Everything that is wrong with a document; empty for a valid one."""
    return _read(text)[1]


def _read(text: str | bytes) -> tuple[Any, tuple[Problem, ...]]:
    size = len(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        fix = f"shorten it: AppConfig takes {MAX_BYTES} bytes"
        return None, (Problem("$", f"has {size} bytes", fix),)
    twice: list[Problem] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object; of two values of one name people see one, and a program the other."""
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                what = "stands twice in one object"
                twice.append(Problem(member("$.", name), what, "take one out"))
            found[name] = value
        return found

    try:
        document = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        where = f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        return None, (Problem("$", where, "write one JSON object"),)
    except (ValueError, RecursionError) as error:
        why = "too deep" if isinstance(error, RecursionError) else str(error)[:100]
        return None, (Problem("$", f"is no JSON: {why}", "write one JSON object"),)
    return document, (*twice, *violations(document), *_beyond_the_schema(document))


def _beyond_the_schema(document: Any) -> Iterator[Problem]:
    """What the schema cannot say. Nothing is said of a part that does not keep to the schema."""
    if isinstance(document, dict):
        yield from _grant_hours(document)
        yield from alert_problems(document)
    approvals = document.get("standing_approvals") if isinstance(document, dict) else None
    first: dict[str, str] = {}
    for at, one in enumerate(approvals if isinstance(approvals, list) else ()):
        path = f"$.standing_approvals[{at}]"
        rules = schema()["properties"]["standing_approvals"]["items"]
        if any(violations(one, resolved(rules))):
            continue
        yield from _approval(one, path)
        if (before := first.setdefault(one["name"], path)) != path:
            yield Problem(f"{path}.name", f"is also the name of {before}", "give each its own name")


def _grant_hours(document: dict[str, Any]) -> Iterator[Problem]:
    """A default that is longer than the longest."""
    limits = document.get("limits")
    listed = limits.get("grant_hours") if isinstance(limits, dict) else None
    for at, one in enumerate(listed if isinstance(listed, list) else ()):
        if any(violations(one, schema()["definitions"]["grant_hours"])):
            continue
        if one.get("default", 0) > one["longest"]:
            path = f"$.limits.grant_hours[{at}].default"
            fix = f"write at most the longest, {one['longest']}"
            yield Problem(path, f"is {one['default']}", fix)


def _approval(one: dict[str, Any], path: str) -> Iterator[Problem]:
    times = {}
    for name in ("starts", "expires"):
        try:
            times[name] = datetime.fromisoformat(one[name])
        except ValueError:
            fix = "write a day that there is"
            yield Problem(f"{path}.{name}", f"is {json.dumps(one[name])}", fix)
    if len(times) == len(("starts", "expires")):
        starts, expires = times["starts"], times["expires"]
        if not timedelta(0) < expires - starts <= timedelta(days=MAX_DAYS):
            fix = f"write a time after it starts, and at most {MAX_DAYS} days after it"
            yield Problem(f"{path}.expires", f"is {json.dumps(one['expires'])}", fix)
    for at, action in enumerate(one["actions"]):
        if not is_grantable(action):
            fix = "take it out: only operations on data are ever granted (docs/patches.md)"
            yield Problem(f"{path}.actions[{at}]", f"is {json.dumps(action)}", fix)


def _configuration(document: dict[str, Any]) -> Configuration:
    accounts, protected = document.get("accounts", {}), document.get("protected", {})
    limits, defaults = document.get("limits", {}), Configuration()
    try:
        approvals = tuple(
            standing_approval(one, f"$.standing_approvals[{at}]")
            for at, one in enumerate(document.get("standing_approvals", ()))
        )
    except LimitsError as error:
        # What the schema let through and this does not: then nothing counts.
        fix = "name everything exactly"
        raise ConfigurationError([Problem("$.standing_approvals", str(error), fix)]) from error
    return Configuration(
        accounts_to_read=tuple(accounts.get("read", ())),
        trusted_accounts=tuple(accounts.get("trusted", ())),
        protected_resources=tuple(protected.get("resources", ())),
        protecting_tags=tuple(protected.get("tags", {}).items()),
        presets=tuple(document.get("suppress", defaults.presets)),
        never_diagnose=parse_never_diagnose(document.get("never_diagnose", ())),
        owner_tags=tuple(document.get("owner_tags", ())),
        four_eyes=frozenset(map(Access, limits.get("four_eyes_access", ()))),
        approval_hours=limits.get("approval_hours", defaults.approval_hours),
        patches_per_hour=limits.get("patches_per_hour", defaults.patches_per_hour),
        grant_hours=tuple(
            GrantHours(
                frozenset(one.get("accounts", ())),
                frozenset(map(Access, one.get("access", ()))),
                one["longest"],
                one.get("default"),
                one["until_revoked"],
            )
            for one in limits.get("grant_hours", ())
        ),
        alerts=alert_policy(document),
        hourly_limits=HourlyLimits(
            _hourly(limits.get("new_incidents_per_hour"), DEFAULT_LIMITS.incidents),
            _hourly(limits.get("alerts_per_hour"), DEFAULT_LIMITS.alerts),
        ),
        standing_approvals=approvals,
        page=_page(document.get("page", {})),
    )


def _page(page: dict[str, Any]) -> PageAccess:
    return PageAccess(
        viewers=frozenset(page.get("viewers", ())),
        approvers=tuple(
            GroupRight(
                group=one["group"],
                accounts=frozenset(one.get("accounts", ())),
                access=frozenset(map(Access, one.get("access", ()))),
            )
            for one in page.get("approvers", ())
        ),
        break_glass=frozenset(page.get("break_glass", ())),
        person_claims=tuple(page.get("person_claims", NOBODY.person_claims)),
        must_be_told=frozenset(map(Access, page.get("must_be_told", ()))),
    )


def _hourly(found: dict[str, int] | None, default: HourlyLimit) -> HourlyLimit:
    return HourlyLimit(**found) if found else default
