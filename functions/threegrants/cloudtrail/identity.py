"""`userIdentity`: who called, in every shape CloudTrail writes.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from threegrants.aws.arn import account_in, parse_arn
from threegrants.cloudtrail.denied_call import Caller, CallerType
from threegrants.cloudtrail.fields import arn_field, object_field, string_field

_ANONYMOUS = frozenset({"anonymous", "ANONYMOUS_PRINCIPAL"})
"""Two spellings in real records: the older one in capitals."""


def read_caller(identity: Mapping[str, Any], where: str = "userIdentity") -> Caller:
    """The caller of a record.

    Raises:
        RecordError: if a field has another type than CloudTrail gives it.
    """
    kind = string_field(identity, "type", where) or ""
    account = string_field(identity, "accountId", where)
    arn = arn_field(identity, "arn", where)
    principal_id = string_field(identity, "principalId", where)
    invoked_by = string_field(identity, "invokedBy", where)
    session = object_field(identity, "sessionContext", where)
    if account in _ANONYMOUS:
        return Caller(CallerType.ANONYMOUS, None, None)
    if kind == "AWSService" or (not kind and not arn and invoked_by):
        return Caller(CallerType.SERVICE, None, None, invoked_by=invoked_by)
    unique, _, name = (principal_id or "").partition(":")
    if kind in {"AssumedRole", "Role"} or (arn and ":assumed-role/" in arn):
        return _role(identity, session, f"{where}.sessionContext")
    if kind in {"IAMUser", "Root", "FederatedUser"}:
        issuer = object_field(session, "sessionIssuer", f"{where}.sessionContext")
        named = {
            "IAMUser": CallerType.USER,
            "Root": CallerType.ROOT,
            "FederatedUser": CallerType.FEDERATED_USER,
        }[kind]
        return Caller(
            named,
            account or account_in(arn),
            arn,
            session_arn=arn if kind == "FederatedUser" else None,
            # A federated user's principalId is `account:name`, no unique id.
            unique_id=None if kind == "FederatedUser" else unique or None,
            invoked_by=invoked_by,
            session_name=name or None,
            issuer_arn=arn_field(issuer, "arn", f"{where}.sessionContext.sessionIssuer")
            if kind == "FederatedUser"
            else None,
            source_identity=string_field(session, "sourceIdentity", f"{where}.sessionContext"),
        )
    if kind == "IdentityCenterUser":
        return Caller(CallerType.IDENTITY_CENTER_USER, account, None, invoked_by=invoked_by)
    if kind == "AWSAccount":
        return _account(account, arn, unique, name, invoked_by)
    if arn:
        return from_arn(arn)
    return Caller(
        CallerType.UNKNOWN, account, None, unique_id=unique or None, invoked_by=invoked_by
    )


def from_arn(arn: str) -> Caller:
    """The caller an ARN alone names, as it stands in an error message."""
    named = parse_arn(arn)
    if named is None:
        return Caller(CallerType.UNKNOWN, None, arn)
    account = named.account or None
    if named.resource_type == "assumed-role":
        return Caller(
            CallerType.ROLE,
            account,
            _role_arn(arn),
            session_arn=arn,
            path_known=False,
            session_name=named.resource_id.partition("/")[2] or None,
        )
    kinds = {
        "role": CallerType.ROLE,
        "user": CallerType.USER,
        "root": CallerType.ROOT,
        "federated-user": CallerType.FEDERATED_USER,
    }
    return Caller(kinds.get(named.resource_type, CallerType.UNKNOWN), account, arn)


def named_by_message(caller: Caller, named: str) -> Caller:
    """A caller of the owner's copy, which has no ARN, after what AWS's message says of it.

    The message begins with the principal, before anything that the caller chose beside the name of
    its session. Only an ARN that fits what the record itself says counts.
    """
    said = from_arn(named)
    unnamed = caller.arn is None and caller.account is not None and said.account == caller.account
    kinds = (CallerType.ROLE, CallerType.USER)
    fits = caller.type in (said.type, CallerType.ACCOUNT) and said.type in kinds
    same_session = caller.session_name in (None, said.session_name)
    if not (unnamed and fits and same_session):
        return caller
    return replace(said, unique_id=caller.unique_id, invoked_by=caller.invoked_by)


def _role(identity: Mapping[str, Any], session: Mapping[str, Any], where: str) -> Caller:
    issuer = object_field(session, "sessionIssuer", where)
    issuer_arn = arn_field(issuer, "arn", f"{where}.sessionIssuer")
    arn = arn_field(identity, "arn", "userIdentity")
    unique, _, name = (string_field(identity, "principalId", "userIdentity") or "").partition(":")
    is_session = bool(arn and ":assumed-role/" in arn)
    role = issuer_arn or (_role_arn(arn) if arn and is_session else arn)
    if not name and arn and is_session:
        name = arn.rpartition("/")[2]
    return Caller(
        CallerType.ROLE,
        string_field(identity, "accountId", "userIdentity") or account_in(arn or issuer_arn),
        role,
        session_arn=arn if is_session else None,
        unique_id=unique or string_field(issuer, "principalId", where),
        path_known=bool(issuer_arn) or not is_session,
        invoked_by=string_field(identity, "invokedBy", "userIdentity"),
        session_name=name or None,
        source_identity=string_field(session, "sourceIdentity", where),
    )


def _account(
    account: str | None, arn: str | None, unique: str, name: str, invoked_by: str | None
) -> Caller:
    """The bucket owner's copy of a cross-account record: only an account and a unique id."""
    kinds = {"AROA": CallerType.ROLE, "AIDA": CallerType.USER}
    if account and unique == account:
        # The root user has no unique id but its account's.
        return Caller(
            CallerType.ROOT,
            account,
            arn or f"arn:aws:iam::{account}:root",
            unique_id=unique,
            invoked_by=invoked_by,
        )
    return Caller(
        kinds.get(unique[:4], CallerType.ACCOUNT),
        account,
        arn,
        unique_id=unique or None,
        invoked_by=invoked_by,
        session_name=name or None,
    )


def _role_arn(session_arn: str) -> str | None:
    """The role of a session ARN; the path, which a session ARN does not carry, is lost."""
    session = parse_arn(session_arn)
    role = session.role() if session else None
    return str(role) if role else None
