"""Keys about the principal and its session.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
(properties of the principal, and of a role session)
"""

from threegrants.aws.arn import is_account_id
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis.context_keys.key import (
    ABSENT,
    UNKNOWN,
    Answer,
    AskedContext,
    ContextKey,
    Members,
    value_or,
)
from threegrants.evidence import OrganizationEvidence, Unread

_TYPE_NAMES = {
    CallerType.ROLE: "AssumedRole",
    CallerType.USER: "User",
    CallerType.ROOT: "Account",
    CallerType.FEDERATED_USER: "FederatedUser",
    CallerType.ANONYMOUS: "Anonymous",
}
_NO_SERVICES = frozenset(_TYPE_NAMES)
_SESSIONS = (CallerType.ROLE, CallerType.FEDERATED_USER)


def caller_arn(asked: AskedContext) -> str | None:
    """The caller's ARN as it was read, else as the record states it."""
    arn = asked.evidence.caller.arn
    return asked.call.caller.arn if isinstance(arn, Unread) else arn.value


def _is_anonymous(asked: AskedContext) -> bool:
    return asked.caller_type is CallerType.ANONYMOUS


def _arn(asked: AskedContext) -> Answer:
    if _is_anonymous(asked):
        return ABSENT
    if isinstance(asked.evidence.caller.arn, Unread) and not asked.call.caller.path_known:
        return UNKNOWN  # derived from a session's ARN, which does not show its role's path
    return value_or(UNKNOWN, caller_arn(asked))


def _account(asked: AskedContext) -> Answer:
    if _is_anonymous(asked):
        return ABSENT
    account = asked.evidence.caller.account
    return account if account and is_account_id(account) else UNKNOWN


def place_of(asked: AskedContext, account: str | None) -> OrganizationEvidence | None:
    """Where an account stands in its organisation, as far as it was read."""
    return asked.evidence.organizations.get(account or "")


def org_id(place: OrganizationEvidence | None) -> Answer:
    """The id of an organisation; absent for an account that is in none."""
    if place is None or isinstance(place.id, Unread):
        return UNKNOWN
    return value_or(ABSENT, place.id.value)


def org_paths(place: OrganizationEvidence | None) -> Answer:
    """The path to an account in its organisation; absent for an account that is in none."""
    if place is None or isinstance(place.path, Unread):
        return UNKNOWN
    return (place.path.value,) if place.path.value else ABSENT


def _org_id(asked: AskedContext) -> Answer:
    return ABSENT if _is_anonymous(asked) else org_id(place_of(asked, _known_account(asked)))


def _org_paths(asked: AskedContext) -> Answer:
    return ABSENT if _is_anonymous(asked) else org_paths(place_of(asked, _known_account(asked)))


def _known_account(asked: AskedContext) -> str | None:
    account = asked.evidence.caller.account
    return account if is_account_id(account) else None


def _management_account(asked: AskedContext) -> Answer:
    place = place_of(asked, _known_account(asked))
    found = place.management_account.value_or_none if place else None
    return found or UNKNOWN


def _tags(asked: AskedContext) -> Answer:
    if _is_anonymous(asked):
        return ABSENT
    caller = asked.evidence.caller
    if isinstance(caller.tags, Unread):
        return UNKNOWN
    # A session may have tags of its own, which nothing shows; a user has none but its own.
    return Members(caller.tags.value, complete=caller.type is CallerType.USER)


def _is_service(asked: AskedContext) -> Answer:
    return "true" if asked.caller_type is CallerType.SERVICE else "false"


def _service_name(asked: AskedContext) -> Answer:
    if asked.caller_type is not CallerType.SERVICE:
        return ABSENT
    return value_or(UNKNOWN, asked.call.caller.invoked_by)


def only_of_services(asked: AskedContext) -> Answer:
    """Of a key that is set only where an AWS service calls as itself."""
    return ABSENT if asked.caller_type in _NO_SERVICES else UNKNOWN


def _type(asked: AskedContext) -> Answer:
    return _TYPE_NAMES.get(asked.caller_type, UNKNOWN)


def _user_id(asked: AskedContext) -> Answer:
    if _is_anonymous(asked):
        return ABSENT
    caller = asked.evidence.caller
    if not caller.unique_id or caller.type is CallerType.FEDERATED_USER:
        return UNKNOWN
    name = asked.call.caller.session_name
    return f"{caller.unique_id}:{name}" if name else caller.unique_id


def _user_name(asked: AskedContext) -> Answer:
    if asked.caller_type is not CallerType.USER:
        return ABSENT
    arn = caller_arn(asked)
    return arn.rsplit("/", 1)[-1] if arn else UNKNOWN


def _has_no_session(asked: AskedContext) -> bool:
    """Whether the caller surely has no temporary credentials of a session."""
    if asked.caller_type in (CallerType.ANONYMOUS, CallerType.SERVICE):
        return True
    return bool(asked.call.long_term_credentials) and asked.caller_type not in _SESSIONS


def _of_session(name: str, *, shown_if_there: bool = False) -> ContextKey:
    """A key that `userIdentity` states of a session.

    Args:
        name: the condition key.
        shown_if_there: whether a record that describes the session would show it.
    """

    def answer(asked: AskedContext) -> Answer:
        stated = asked.call.session_keys.get(name)
        if stated:
            return stated
        told = shown_if_there and asked.call.has_session_context
        return ABSENT if told or _has_no_session(asked) else UNKNOWN

    silent = "absent where the session is described" if shown_if_there else "unknown"
    return ContextKey(
        name, "`userIdentity` of a session", f"absent with long-term keys; {silent}", answer
    )


def _of_other_session(name: str) -> ContextKey:
    """A key of sessions that no record shows."""

    def answer(asked: AskedContext) -> Answer:
        return ABSENT if _has_no_session(asked) else UNKNOWN

    return ContextKey(name, "", "absent with long-term keys, else unknown", answer)


def _mfa(asked: AskedContext) -> Answer:
    """Absent, not false, with long-term keys: the trap of `Bool` against `BoolIfExists`."""
    if _has_no_session(asked):
        return ABSENT
    mfa = asked.call.mfa
    return UNKNOWN if mfa is None else "true" if mfa else "false"


def _mfa_age(asked: AskedContext) -> Answer:
    return ABSENT if _has_no_session(asked) or asked.call.mfa is False else UNKNOWN


KEYS: tuple[ContextKey, ...] = (
    ContextKey("aws:PrincipalArn", "the caller, as read in its account; else `userIdentity`, where it shows the role's path",
               "absent for an anonymous caller, else unknown", _arn),
    ContextKey("aws:PrincipalAccount", "`userIdentity.accountId`",
               "absent for an anonymous caller, else unknown", _account),
    ContextKey("aws:PrincipalOrgID", "AWS Organizations",
               "absent for an account in no organisation, else unknown", _org_id),
    ContextKey("aws:PrincipalOrgPaths", "AWS Organizations",
               "absent for an account in no organisation, else unknown", _org_paths),
    ContextKey("aws:PrincipalOrgMasterAccountId", "AWS Organizations", "unknown",
               _management_account),
    ContextKey("aws:PrincipalTag/", "the tags of the role or user",
               "absent for a user; unknown for a role, whose session may have tags", _tags),
    ContextKey("aws:PrincipalIsAWSService", "`userIdentity.type`", "never silent", _is_service),
    ContextKey("aws:PrincipalServiceName", "`userIdentity.invokedBy` of an AWS service",
               "absent for other callers", _service_name),
    ContextKey("aws:PrincipalServiceNamesList", "", "unknown for an AWS service, else absent",
               only_of_services),
    ContextKey("aws:PrincipalType", "`userIdentity.type`", "unknown", _type),
    ContextKey("aws:userid", "the caller's unique id, and the session's name",
               "absent for an anonymous caller, else unknown", _user_id),
    ContextKey("aws:username", "the ARN of a user", "absent for who is no user", _user_name),
    _of_session("aws:AssumedRoot", shown_if_there=True),
    _of_session("aws:FederatedProvider"),
    _of_session("aws:TokenIssueTime", shown_if_there=True),
    ContextKey("aws:MultiFactorAuthAge", "",
               "absent with long-term keys and without MFA, else unknown", _mfa_age),
    ContextKey("aws:MultiFactorAuthPresent",
               "`userIdentity.sessionContext.attributes.mfaAuthenticated`",
               "absent with long-term keys, else unknown", _mfa),
    _of_other_session("aws:ChatbotSourceArn"),
    _of_other_session("aws:Ec2InstanceSourceVpc"),
    _of_other_session("aws:Ec2InstanceSourcePrivateIPv4"),
    _of_session("aws:SourceIdentity", shown_if_there=True),
    _of_session("aws:SignInSessionArn"),
    _of_session("ec2:RoleDelivery", shown_if_there=True),
    _of_session("ec2:SourceInstanceArn"),
    _of_other_session("glue:RoleAssumedBy"),
    _of_other_session("glue:CredentialIssuingService"),
    _of_other_session("codebuild:BuildArn"),
    _of_other_session("codebuild:ProjectArn"),
    _of_session("lambda:SourceFunctionArn"),
    _of_other_session("ssm:SourceInstanceArn"),
    _of_session("identitystore:UserId"),
)  # fmt: skip
"""Every key about the principal and its session."""
