"""AWS's own ids of what was written, on moto: kept as soon as AWS answers, and used by the undo."""

import pytest
from botocore.exceptions import ReadTimeoutError

from support.harness import APPROVER, bucket_policy
from support.names import B
from support.policies import policy as document
from support.wire import Died, answer_calls, refusal
from threegrants.incidents import State
from threegrants.remediation import Refused
from threegrants.remediation.live_policy import AwsIds
from threegrants.remediation.runs import Step


class Calls:
    """AWS's calls, each of which may be answered in another way: `instead[operation](call)`."""

    def __init__(self):
        self.instead, self.seen = {}, []

    def __call__(self, call):
        self.seen.append(call)
        answer = self.instead.get(call.operation)
        return answer(call) if answer else call.proceed()

    def parameters_of(self, operation):
        return [call.parameters for call in self.seen if call.operation == operation]


@pytest.fixture
def calls(monkeypatch):
    calls = Calls()
    answer_calls(monkeypatch, calls)
    return calls


def nothing_listed(call):
    """KMS lists a grant only after some time (KMS developer guide, "Eventual consistency")."""
    return call.proceed() | {"Grants": []}


def with_a_grant(harness, incident_id):
    """The digests of the proposed patches, with a KMS grant in place of the key policy's statement."""
    patches = harness.store.get(incident_id).report.patches
    chosen = {patch.grant: patch for patch in patches if patch.default}
    chosen["key_policy"] = next(p for p in patches if p.operation == "kms:CreateGrant")
    return [patch.digest for patch in chosen.values()]


def grants(aws):
    kms = aws.client("kms")
    key = kms.list_keys()["Keys"][0]["KeyId"]
    return [grant["GrantId"] for grant in kms.list_grants(KeyId=key)["Grants"]]


def grant_intent(harness, incident_id):
    run = harness.run_store.last_run(incident_id)
    intents = harness.run_store.intents(incident_id, tuple({*run.runs_to_undo, run.id}))
    [found] = [i for i in intents if i.patch.operation == "kms:CreateGrant"]
    return found


def test_a_grants_id_is_kept(harness, aws):
    incident_id = harness.handle().id
    harness.approve(incident_id, digests=with_a_grant(harness, incident_id))
    [grant] = grants(aws)
    assert grant_intent(harness, incident_id).aws_ids == AwsIds(grant_id=grant)


def test_a_grants_id_is_kept_before_anything_else_is_done(harness, aws, calls):
    incident_id = harness.handle().id
    digests = with_a_grant(harness, incident_id)

    def create_and_break(call):
        answer = call.proceed()

        def die(_):
            raise Died

        calls.instead["ListGrants"] = die  # the read back, right after the write
        return answer

    calls.instead["CreateGrant"] = create_and_break
    with pytest.raises(Died):
        harness.approve(incident_id, digests=digests)
    calls.instead.clear()
    intent = grant_intent(harness, incident_id)
    assert intent.step is Step.WRITING
    assert intent.aws_ids == AwsIds(grant_id=grants(aws)[0])


def test_a_grant_that_is_not_listed_is_revoked_by_its_id(harness, aws, calls):
    incident_id = harness.handle().id
    calls.instead["ListGrants"] = nothing_listed
    result = harness.approve(incident_id, digests=with_a_grant(harness, incident_id))
    assert result.state is State.APPLYING
    assert "AWS acknowledged, but does not show" in result.detail
    harness.later(700)
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.FAILED
    calls.instead.clear()
    assert grants(aws) == []
    assert bucket_policy(aws) is None


def test_a_rollback_revokes_a_grant_that_is_not_listed(harness, aws, calls):
    incident_id = harness.handle().id
    harness.approve(incident_id, digests=with_a_grant(harness, incident_id))
    [grant] = grants(aws)
    calls.instead["ListGrants"] = nothing_listed
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    assert [p["GrantId"] for p in calls.parameters_of("RevokeGrant")] == [grant]
    calls.instead.clear()
    assert grants(aws) == []


def test_an_id_that_could_not_be_recorded_is_used_by_the_same_worker(harness, aws, calls):
    incident_id = harness.handle().id
    digests = with_a_grant(harness, incident_id)

    def create(call):
        answer = call.proceed()

        def refuse_once(_):
            del calls.instead["TransactWriteItems"]
            raise refusal("TransactWriteItems", "InternalServerError", 500)

        calls.instead |= {"TransactWriteItems": refuse_once, "ListGrants": nothing_listed}
        return answer

    calls.instead["CreateGrant"] = create
    assert harness.approve(incident_id, digests=digests).state is State.FAILED
    calls.instead.clear()
    assert grants(aws) == []


def test_a_grant_whose_id_was_never_answered_is_found_by_its_name(harness, aws, calls):
    incident_id = harness.handle().id
    digests = with_a_grant(harness, incident_id)
    looks = []

    def create(call):
        call.proceed()
        calls.instead["ListGrants"] = appears_late
        raise ReadTimeoutError(endpoint_url="https://kms.example.com")

    def appears_late(call):
        looks.append(1)
        return nothing_listed(call) if len(looks) == 1 else call.proceed()

    calls.instead["CreateGrant"] = create
    assert harness.approve(incident_id, digests=digests).state is State.FAILED
    calls.instead.clear()
    assert len(looks) > 1, "looked for more than once"
    assert grants(aws) == []


# --- managed policies ---


FULL = document({"Effect": "Allow", "Action": "sqs:*", "Resource": f"arn:aws:sqs:::{'q' * 10_100}"})


@pytest.fixture
def in_iam(aws, harness):
    """An incident whose role has no room for an inline policy, so that a managed one is proposed."""
    aws.client("iam", B).put_role_policy(RoleName="analyst", PolicyName="own", PolicyDocument=FULL)
    incident_id = harness.handle().id
    report = harness.store.get(incident_id).report
    assert "iam:CreatePolicy" in [patch.operation for patch in report.proposed_patches]
    return incident_id, [patch.digest for patch in report.proposed_patches]


def managed_intent(harness, incident_id):
    run = harness.run_store.last_run(incident_id)
    intents = harness.run_store.intents(incident_id, tuple({*run.runs_to_undo, run.id}))
    [found] = [i for i in intents if i.patch.operation == "iam:CreatePolicy"]
    return found


def managed(aws):
    return aws.client("iam", B).list_policies(Scope="Local")["Policies"]


def test_a_managed_policys_ids_are_kept_and_used(harness, aws, in_iam, calls):
    incident_id, digests = in_iam
    assert harness.approve(incident_id, digests=digests).state is State.VERIFIED
    [made] = managed(aws)
    wanted = AwsIds("", made["Arn"], made["PolicyId"], made["DefaultVersionId"])
    assert managed_intent(harness, incident_id).aws_ids == wanted
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    assert [p["PolicyArn"] for p in calls.parameters_of("DeletePolicy")] == [made["Arn"]]
    assert managed(aws) == []


def test_a_managed_policy_that_could_not_be_attached_is_removed(harness, aws, in_iam, calls):
    incident_id, digests = in_iam

    def refused(call):
        raise refusal(call.operation)

    calls.instead["AttachRolePolicy"] = refused
    assert harness.approve(incident_id, digests=digests).state is State.FAILED
    assert managed_intent(harness, incident_id).aws_ids.policy_id
    assert managed(aws) == []


def test_a_managed_policy_that_someone_made_again_is_left_to_a_person(harness, aws, in_iam):
    incident_id, digests = in_iam
    harness.approve(incident_id, digests=digests)
    [made], iam = managed(aws), aws.client("iam", B)
    text = managed_intent(harness, incident_id).patch.after
    iam.detach_role_policy(RoleName="analyst", PolicyArn=made["Arn"])
    iam.delete_policy(PolicyArn=made["Arn"])
    iam.create_policy(PolicyName=made["PolicyName"], PolicyDocument=text)
    iam.attach_role_policy(RoleName="analyst", PolicyArn=made["Arn"])
    with pytest.raises(Refused, match=f"with id {made['PolicyId']} in version v1"):
        harness.service.rollback(incident_id, APPROVER)
    assert [policy["PolicyName"] for policy in managed(aws)] == [made["PolicyName"]]
    assert harness.store.get(incident_id).state is State.VERIFIED
