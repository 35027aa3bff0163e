"""What a form asks for, as the body of the API's request. Pure."""

from collections.abc import Mapping
from typing import Any

from threegrants.page.view.inputs import Action

NEEDS_REASON = frozenset({Action.APPROVE, Action.EXTEND})
"""Decisions that open something: the page wants to know why."""
_MOST = 2000


class FormError(ValueError):
    """A form that is not as the page sends it: what is missing or wrong."""


def body_of(action: Action, form: Mapping[str, str], digests: tuple[str, ...]) -> dict[str, Any]:
    """The body of the request.

    Args:
        action: what is asked for.
        form: the form's fields, each once.
        digests: the patches that it names.

    Raises:
        FormError: if a field is missing or wrong.
    """
    said = {
        name: " ".join(form.get(name, "").split())[:_MOST] for name in ("reason", "ticket", "for")
    }
    if action in NEEDS_REASON and not said["reason"]:
        raise FormError("Please say why: others read it in the history.")
    if action is Action.APPROVE:
        if not digests:
            raise FormError("Choose at least one change.")
        alone = {"break_glass": True} if form.get("break_glass") == "yes" else {}
        return {"digests": list(digests), **_given(said), **alone}
    if action in (Action.REJECT, Action.ROLLBACK, Action.REOPEN, Action.EXTEND):
        wanted = said if action is Action.EXTEND else {**said, "for": ""}
        return _given(wanted)
    return _about_attention(action, form)


def _about_attention(action: Action, form: Mapping[str, str]) -> dict[str, Any]:
    if action is Action.ACKNOWLEDGE:
        return {"on": form.get("on") != "no"}
    if action is Action.ASSIGN:
        return {"to": form.get("to", "")[:_MOST]}
    if action is Action.SNOOZE:
        hours = form.get("hours", "")
        if not hours.isdecimal() or len(hours) > 4:  # noqa: PLR2004 - no number of hours has more digits
            raise FormError("Say for how many hours.")
        return {"what": form.get("what", ""), "hours": int(hours)}
    return {}


def _given(said: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in said.items() if text}
