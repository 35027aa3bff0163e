"""Readers under IAM on moto, and what they ask: words for the tests of `evidence`."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.authorization import enable_iam_authentication

from support.aws import Aws
from support.policies import allow, policy
from support.templates import actions
from threegrants.evidence import RoleClients

READER = frozenset(actions("ReaderRole"))
"""Every action `templates/member.yaml` gives the reader, its options included."""


@contextmanager
def enforced(aws: Aws, *accounts: str, without: Collection[str] = ()) -> Iterator[RoleClients]:
    """`RoleClients` whose readers may do what `templates/member.yaml` says, except the actions in `without`.

    moto checks the actions of every call inside; an account not named here cannot be entered.
    """
    unknown = set(without) - READER
    assert not unknown, f"templates/member.yaml does not give {unknown} at all"
    allowed = policy(allow(None, sorted(READER - set(without)), "*"))
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    entered = RoleClients("threegrants-reader", "external-id")
    for account in accounts:
        iam = aws.client("iam", account)
        iam.create_role(RoleName="threegrants-reader", AssumeRolePolicyDocument=trust)
        iam.put_role_policy(
            RoleName="threegrants-reader", PolicyName="read", PolicyDocument=allowed
        )
        entered.client(account, "iam")
    with enable_iam_authentication():
        yield entered


def asked(client: Any) -> list[tuple[str, dict[str, Any]]]:
    """The calls a client makes from now on: (operation, parameters)."""
    made: list[tuple[str, dict[str, Any]]] = []
    client.meta.events.register(
        "before-parameter-build.*",
        lambda params, model, **_: made.append((model.name, dict(params))),
    )
    return made


def changed(client: Any, operation: str, change: Callable[[Any], Any]) -> None:
    """Let `change` alter the parsed answers of an operation: what moto leaves out."""

    def alter(parsed: Any, **_: Any) -> None:
        change(parsed)

    client.meta.events.register(f"after-call.*.{operation}", alter)


def refused(
    client: Any,
    operation: str,
    code: str,
    status: int = 400,
    when: Callable[[Any], bool] = lambda _: True,
) -> None:
    """Let an operation fail with `code`, for requests for which `when` holds."""

    def answer(params: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        if not when(params):
            return None
        error = {"Code": code, "Message": "as the test wants"}
        return AWSResponse("", status, HTTPHeaders(), None), {
            "Error": error,
            "ResponseMetadata": {},
        }

    client.meta.events.register(f"before-call.*.{operation}", answer)
