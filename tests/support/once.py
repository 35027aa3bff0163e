"""What botocore and moto work out again for each test, worked out once a process.

Much of what a test on moto takes is that: the same service models parsed for each session, the same
handlers inspected and the same event names translated for each session, the same endpoint rules
compiled for each client, an RSA key of 2048 bits made for each KMS key. Nothing of it has state.

moto also looks for each of the ten members that a DynamoDB value may have, under a dozen names each,
which took two thirds of every DynamoDB call; here it looks only for those that are there.
"""

import inspect
from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import Any

import moto.kms.models
import moto.kms.utils
from botocore import hooks as untyped_hooks
from botocore import loaders
from botocore import regions as untyped_regions
from botocore import session as untyped_session
from moto.core.serialize import BaseJSONSerializer

hooks: Any = untyped_hooks
regions: Any = untyped_regions
session: Any = untyped_session
_compiled: dict[tuple[int, ...], tuple[Any, dict[str, Any]]] = {}
_EndpointProvider = regions.EndpointProvider
_translated = hooks.EventAliaser._alias_event_name
_ALIASER = hooks.EventAliaser(None)


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


_structure = BaseJSONSerializer._serialize_type_structure


def _serialize_structure(
    serializer: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str
) -> None:
    """As moto does, but of a DynamoDB value (`{"S": "text"}`) only the members that it has."""
    if shape.name != "AttributeValue" or type(value) is not dict or not key:
        _structure(serializer, serialized, value, shape, key)
        return
    members: dict[str, Any] = {}
    for name, member in value.items():
        serializer._serialize(members, member, shape.members[name], name)
    serializer._default_serialize(serialized, members, shape, key)


def work_out_once() -> None:
    """Put all of this in place, for the life of the process."""
    session.create_loader = cache(loaders.create_loader)
    regions.EndpointProvider = _endpoint_provider
    hooks.accepts_kwargs = _takes_any_keyword
    hooks.EventAliaser._alias_event_name = lambda _, name: _event_name(name)
    moto.kms.models.generate_private_key = cache(moto.kms.utils.generate_private_key)  # type: ignore[attr-defined]
    BaseJSONSerializer._serialize_type_structure = _serialize_structure  # type: ignore[assignment,method-assign]
