"""What an approval must fulfil: who asks, what is offered, and what the limits say."""

from dataclasses import replace
from http import HTTPStatus

import pytest
from botocore.exceptions import ClientError

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, delegates, policy
from threegrants.aws.policy_json import sid_of_ours
from threegrants.cloudtrail import Access
from threegrants.diagnosis import Outcome
from threegrants.evidence import SessionScope
from threegrants.incidents import Incident, State
from threegrants.patches import Patch
from threegrants.remediation import Limits, Refused
from threegrants.remediation.approval import (
    check_limits,
    require_identified,
    require_not_own_grant,
    require_report,
    select_patches,
)
from unit.remediation.reports import offered, report_of

SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
TRUSTED = Limits(trusted=frozenset({A, B}))


def ours(principal=None, action="s3:GetObject", resource=f"{BUCKET}/*"):
    sid = sid_of_ours("read", [action], [resource])
    return allow(principal, action, resource, Sid=sid)


def made(target, operation, before, *after):
    grant = {BUCKET: "bucket_policy", KEY: "key_policy", ROLE: "iam_policy"}[target]
    account = B if target == ROLE else A
    return Patch(grant, account, "eu-west-1", target, operation, before, policy(*after), after[-1])


IN_BUCKET = made(BUCKET, "s3:PutBucketPolicy", None, ours(ROLE))
IN_KEY = made(KEY, "kms:PutKeyPolicy", policy(delegates()), delegates(),
              ours(ROLE, "kms:Decrypt", "*"))  # fmt: skip
IN_IAM = made(ROLE, "iam:PutRolePolicy", None, ours())
TO_ACCOUNT = made(BUCKET, "s3:PutBucketPolicy", None,
                  ours(f"arn:aws:iam::{B}:root"))  # fmt: skip
ACCESS_POINT = made(BUCKET, "s3:CreateAccessPoint", None, ours(ROLE))


def incident(report=None, state=State.OPEN):
    at = "2026-11-24T03:00:00Z"
    return Incident(
        id="tg-1", state=state, version=1, count=1, first_seen=at, last_seen=at, diagnosis=report
    )


class Clients:
    """A bucket, a key and a role with tags, in accounts of an organisation; AWS may refuse."""

    scope = SessionScope("tg-1")

    def __init__(self, tags=None, organizations=None, refuses=(), left_out=()):
        self.left_out = left_out
        self.asked_for = []
        self.tags = tags or {}
        self.organizations = organizations or {}
        self.refuses = refuses

    def client(self, account, service, region=None):
        return Client(self, account)

    def for_incident(self, incident_id):
        return self.within(SessionScope(incident_id))

    def within(self, scope):
        self.asked_for.append(scope)
        return self

    def needs(self, action, resource, account):
        return f"{action} on {resource} for role threegrants-reader in account {account}"


class Client:
    def __init__(self, world, account):
        self.world, self.account = world, account

    def answer(self, operation, value):
        if operation in self.world.refuses:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
        return value

    def get_bucket_tagging(self, Bucket, ExpectedBucketOwner):  # noqa: N803 - boto3's names
        tags = [{"Key": k, "Value": v} for k, v in self.world.tags.items()]
        return self.answer("GetBucketTagging", {"TagSet": tags})

    def get_role(self, RoleName):  # noqa: N803
        if RoleName in self.world.left_out:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": "none"}}, "GetRole")
        return self.answer("GetRole", {"Role": {}})

    def get_paginator(self, name):
        self.name = name
        return self

    def paginate(self, **_):
        tags = self.world.tags.items()
        if self.name == "list_resource_tags":
            return [{"Tags": [{"TagKey": k, "TagValue": v} for k, v in tags]}]
        return self.answer(self.name, [{"Tags": [{"Key": k, "Value": v} for k, v in tags]}])

    def describe_organization(self):
        found = self.world.organizations.get(self.account)
        if found is None:
            error = {"Error": {"Code": "AWSOrganizationsNotInUseException", "Message": "none"}}
            raise ClientError(error, "DescribeOrganization")
        return self.answer("DescribeOrganization", {"Organization": {"Id": found}})


# --- who asks ---


def test_someone_whom_aws_named_is_identified():
    assert require_identified(SAM) is None


@pytest.mark.parametrize("actor", ["", "sam", f"arn:aws:sts::{A}:federated-user/sam"])
def test_nobody_decides_without_a_name_from_aws(actor):
    for check in (require_identified, lambda a: require_not_own_grant(incident(), a, ())):
        with pytest.raises(Refused, match="did not say which person") as refused:
            check(actor)
        assert refused.value.status == HTTPStatus.FORBIDDEN


SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/another"
OWN = [
    ("the denied role itself", SESSION, [IN_BUCKET], "denied principal"),
    ("someone of the account that is granted", f"arn:aws:iam::{B}:user/kim", [TO_ACCOUNT],
     "as a whole"),
    ("someone of another account", SAM, [TO_ACCOUNT], None),
    ("another role of its account", f"arn:aws:sts::{B}:assumed-role/lead/kim", [IN_BUCKET], None),
]  # fmt: skip


@pytest.mark.parametrize(("actor", "patches", "words"), [c[1:] for c in OWN],
                         ids=[c[0] for c in OWN])  # fmt: skip
def test_nobody_approves_their_own_grant(actor, patches, words):
    asked = incident(report_of(*patches))
    if words is None:
        require_not_own_grant(asked, actor, patches)
        return
    with pytest.raises(Refused, match=words) as refused:
        require_not_own_grant(asked, actor, patches)
    assert refused.value.status == HTTPStatus.FORBIDDEN


# --- what is offered ---


def test_the_patches_come_in_the_order_in_which_they_are_approved():
    report = report_of(IN_BUCKET, IN_KEY)
    digests = [IN_KEY.digest, IN_BUCKET.digest, IN_KEY.digest]
    assert select_patches(incident(report), digests) == (IN_KEY, IN_BUCKET)


@pytest.mark.parametrize("state", State)
def test_only_an_undecided_incident_can_be_approved(state):
    asked = incident(report_of(IN_BUCKET), state)
    if state in (State.OPEN, State.FAILED, State.PROPOSED):
        assert select_patches(asked, [IN_BUCKET.digest]) == (IN_BUCKET,)
        return
    with pytest.raises(Refused, match=f"is {state}, not open"):
        select_patches(asked, [IN_BUCKET.digest])


TAMPERED = replace(offered(IN_BUCKET), after=policy(allow("*")))
NOT_OFFERED = [
    ("no diagnosis yet", None, [IN_BUCKET.digest], "no diagnosis yet"),
    ("not fixable", report_of(IN_BUCKET, outcome=Outcome.HANDOFF), [IN_BUCKET.digest],
     "outcome of incident tg-1 is handoff"),
    ("no digest", report_of(IN_BUCKET), [], f"Offered: {IN_BUCKET.digest}"),
    ("a digest of yesterday", report_of(IN_BUCKET), [IN_KEY.digest], "read the incident again"),
    ("one of two", report_of(IN_BUCKET), [IN_BUCKET.digest, IN_KEY.digest], "not offered"),
    ("nothing offered", report_of(), [IN_BUCKET.digest], "Offered: none"),
    ("contents that are not the digest's", report_of(TAMPERED), [IN_BUCKET.digest],
     "do not match"),
    ("an operation that people make", report_of(ACCESS_POINT), [ACCESS_POINT.digest],
     "by hand"),
]  # fmt: skip


@pytest.mark.parametrize(("report", "digests", "words"), [c[1:] for c in NOT_OFFERED],
                         ids=[c[0] for c in NOT_OFFERED])  # fmt: skip
def test_what_is_not_offered_is_not_applied(report, digests, words):
    with pytest.raises(Refused, match=words) as refused:
        select_patches(incident(report), digests)
    assert refused.value.status == HTTPStatus.CONFLICT


def test_a_decision_needs_a_report():
    assert require_report(incident(report_of())).request.access is Access.READ
    with pytest.raises(Refused, match="no diagnosis yet"):
        require_report(incident())


# --- what the limits say ---


@pytest.mark.parametrize("patch", [IN_BUCKET, IN_KEY, IN_IAM], ids=["bucket", "key", "role"])
def test_within_the_limits(patch):
    asked = incident(report_of(patch))
    limits = replace(TRUSTED, organization="o-1", patches_an_hour=1)
    check_limits(limits, asked, [patch], Clients({"a": "b"}, {A: "o-1", B: "o-1"}))


PROTECTED = {"threegrants:protected": "true"}
BEYOND = [
    ("an account that is not trusted", Limits(trusted=frozenset({A})), Clients(),
     "TrustedAccounts", 403),
    ("a protecting tag", TRUSTED, Clients(PROTECTED), "tag threegrants:protected=true", 403),
    ("tags that cannot be read", TRUSTED, Clients(refuses=["GetBucketTagging"]),
     "is not known.*s3:GetBucketTagging", 403),
    ("another organisation", replace(TRUSTED, organization="o-1"),
     Clients(organizations={A: "o-1", B: "o-2"}), f"{B} is not in organisation o-1", 403),
    ("no organisation", replace(TRUSTED, organization="o-1"), Clients(organizations={A: "o-1"}),
     f"{B} is not in organisation o-1", 403),
    ("an organisation that cannot be read", replace(TRUSTED, organization="o-1"),
     Clients(organizations={A: "o-1", B: "o-1"}, refuses=["DescribeOrganization"]),
     "organizations:DescribeOrganization", 403),
    ("too many for an hour", replace(TRUSTED, patches_an_hour=0), Clients(),
     "MaxPatchesPerHour", 429),
    ("a role that was left out", TRUSTED, Clients(left_out=["threegrants-remediation-bucket"]),
     f"account {A} has no role threegrants-remediation-bucket.*WithBucketRemediation=true", 403),
    ("a role of another name that was left out", replace(TRUSTED, role_prefix="fix"),
     Clients(left_out=["fix-bucket"]), "has no role fix-bucket", 403),
]  # fmt: skip


@pytest.mark.parametrize(("limits", "clients", "words", "status"), [c[1:] for c in BEYOND],
                         ids=[c[0] for c in BEYOND])  # fmt: skip
def test_beyond_the_limits(limits, clients, words, status):
    asked = incident(report_of(IN_BUCKET))
    with pytest.raises(Refused, match=words) as refused:
        check_limits(limits, asked, [IN_BUCKET], clients)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("patch", "others"), [(IN_BUCKET, ("key", "iam")), (IN_KEY, ("bucket", "iam")),
                          (IN_IAM, ("bucket", "key"))])  # fmt: skip
def test_the_roles_of_other_patches_may_be_left_out(patch, others):
    asked = incident(report_of(patch))
    left_out = [f"threegrants-remediation-{kind}" for kind in others]
    check_limits(TRUSTED, asked, [patch], Clients(left_out=left_out))
    # Whether a role is there could not be asked: then the write says so.
    check_limits(TRUSTED, asked, [patch], Clients(refuses=["GetRole"]))


def test_a_role_is_written_to_only_if_it_is_tagged_for_it():
    limits, asked = replace(TRUSTED, require_patchable_tag=True), incident(report_of(IN_IAM))
    with pytest.raises(Refused, match=r"it has no tag threegrants:patchable=true.*Needed: tag"):
        check_limits(limits, asked, [IN_IAM], Clients())
    with pytest.raises(Refused, match="is not known"):
        check_limits(limits, asked, [IN_IAM], Clients(refuses=["list_role_tags"]))
    check_limits(limits, asked, [IN_IAM], Clients({"threegrants:patchable": "true"}))
    check_limits(limits, incident(report_of(IN_BUCKET)), [IN_BUCKET], Clients())


def test_the_facts_are_read_in_a_session_for_them():
    clients = Clients()
    check_limits(TRUSTED, incident(report_of(IN_BUCKET)), [IN_BUCKET], clients)
    scope = clients.asked_for[-1]
    assert scope.name == "tg-1"
    assert BUCKET in scope.policy
    assert "GetBucketPolicy" not in scope.policy


def test_an_untrusted_account_is_not_even_read():
    class Untouched(Clients):
        def client(self, *_):
            raise AssertionError

    with pytest.raises(Refused, match="TrustedAccounts"):
        check_limits(Limits(), incident(report_of(IN_BUCKET)), [IN_BUCKET], Untouched())


def test_what_cannot_be_checked_is_not_applied():
    class Broken(Clients):
        def needs(self, *_):
            raise RuntimeError("the role\nis gone")

    with pytest.raises(Refused, match="could not be checked: the role is gone") as refused:
        check_limits(TRUSTED, incident(report_of(IN_BUCKET)), [IN_BUCKET], Broken())
    assert refused.value.status == HTTPStatus.SERVICE_UNAVAILABLE
