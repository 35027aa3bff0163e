"""Readers under IAM on moto, and what they ask: words for the tests of the evidence room."""

from contextlib import contextmanager

from botocore.awsrequest import AWSResponse
from moto.core.authorization import enable_iam_authentication

from aws.conftest import document
from threegrants.evidence import RoleClients
from unit.test_template import actions

READER = frozenset(actions("ReaderRole"))
"""Every action `member.yaml` gives the reader, its options included."""


@contextmanager
def enforced(aws, *accounts, without=()):
    """`RoleClients` whose readers may do what `member.yaml` says, except the actions in `without`.

    moto checks the actions of every call inside; an account not named here cannot be entered.
    """
    trust = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    unknown = set(without) - READER
    assert not unknown, f"member.yaml does not give {unknown} at all"
    allowed = {"Effect": "Allow", "Action": sorted(READER - set(without)), "Resource": "*"}
    entered = RoleClients("threegrants-reader", "external-id")
    for account in accounts:
        iam = aws.client("iam", account)
        iam.create_role(RoleName="threegrants-reader", AssumeRolePolicyDocument=trust)
        iam.put_role_policy(
            RoleName="threegrants-reader", PolicyName="read", PolicyDocument=document(allowed)
        )
        entered.client(account, "sts")
    with enable_iam_authentication():
        yield entered


def asked(client):
    """The calls a client makes from now on: (operation, parameters)."""
    made = []
    client.meta.events.register(
        "before-parameter-build.*",
        lambda params, model, **_: made.append((model.name, dict(params))),
    )
    return made


def changed(client, operation, change):
    """Let `change` alter the parsed answers of an operation: what moto leaves out."""
    client.meta.events.register(
        f"after-call.*.{operation}", lambda parsed, **_: change(parsed) and None
    )


def refused(client, operation, code, status=400, when=lambda _: True):
    """Let an operation fail with `code`, for requests for which `when` holds."""

    def answer(params, **_):
        if not when(params):
            return None
        error = {"Code": code, "Message": "as the test wants"}
        return AWSResponse("", status, {}, None), {"Error": error, "ResponseMetadata": {}}

    client.meta.events.register(f"before-call.*.{operation}", answer)
