"""What botocore and moto work out again for each test, worked out once a process.

Much of what a test on moto takes is that: the same service models parsed for each session, the same
handlers inspected and the same event names translated for each session, the same endpoint rules
compiled for each client, an RSA key of 2048 bits made for each KMS key. Nothing of it has state.
"""

import inspect
from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import Any

import botocore.hooks
import botocore.loaders
import botocore.regions
import botocore.session
import moto.kms.models

_compiled: dict[tuple[int, ...], tuple[Any, dict[str, Any]]] = {}
_EndpointProvider = botocore.regions.EndpointProvider
_translated = botocore.hooks.EventAliaser._alias_event_name
_ALIASER = botocore.hooks.EventAliaser(None)


def _endpoint_provider(**given: Any) -> Any:
    """The compiled endpoint rules of a service."""
    key = tuple(id(value) for value in given.values())
    if key not in _compiled:
        # What was given is kept too, so that nothing else gets its ids.
        _compiled[key] = _EndpointProvider(**given), given
    return _compiled[key][0]


@cache
def _inspected(function: Callable[..., Any]) -> bool:
    return inspect.getfullargspec(function).varkw is not None


def _takes_any_keyword(handler: Any) -> bool:
    """Whether a handler takes `**kwargs`; botocore asks it of every handler of every session."""
    function = handler.__func__ if isinstance(handler, MethodType) else handler
    if inspect.isfunction(function):
        return _inspected(function)
    return inspect.getfullargspec(handler).varkw is not None


@cache
def _event_name(name: str) -> str:
    """An event's name of today, for one of botocore's older names."""
    return str(_translated(_ALIASER, name))


def work_out_once() -> None:
    """Put all of this in place, for the life of the process."""
    botocore.session.create_loader = cache(botocore.loaders.create_loader)
    botocore.regions.EndpointProvider = _endpoint_provider
    botocore.hooks.accepts_kwargs = _takes_any_keyword
    botocore.hooks.EventAliaser._alias_event_name = lambda _, name: _event_name(name)
    moto.kms.models.generate_private_key = cache(moto.kms.models.generate_private_key)
