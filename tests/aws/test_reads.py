"""How much is asked of IAM and AWS Organizations: in turn, and what never changes only once."""

import json
import threading
import time

import pytest

from support.harness import EVERYTHING
from support.names import A, B
from support.policies import policy
from support.records import denied, s3, session_of
from support.wire import answer_calls, calls_made
from threegrants.analysis import AnalysisOptions, analyze
from threegrants.evidence import Read, RoleClients, look_up_unique_id
from threegrants.evidence.calls import MOST_IN_TURN
from threegrants.incidents import BucketOwners


def managed(aws, number, name="part"):
    """A managed policy of B, attached to the role."""
    text = policy(
        {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*", "Sid": f"P{number}"}
    )
    iam = aws.client("iam", B)
    arn = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=text)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="analyst", PolicyArn=arn)
    return arn


def reader():
    return RoleClients("threegrants-reader", "external-id", candidate_owners=(A,))


def examine(clients):
    return analyze(denied(s3()), clients, AnalysisOptions(), fresh=True)


def test_at_most_eight_reads_of_iam_at_once(aws, monkeypatch):
    aws.world(iam=EVERYTHING)
    for number in range(12):
        managed(aws, number)
    lock, now, most = threading.Lock(), [0], [0]

    def slowly(call):
        if call.service not in ("iam", "organizations"):
            return call.proceed()
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
            return call.proceed()

    answer_calls(monkeypatch, slowly)
    found = examine(reader())
    assert len(found.evidence.caller.policies.value) == 13
    assert 2 <= most[0] <= MOST_IN_TURN


def test_a_version_of_a_managed_policy_is_read_once(aws, monkeypatch):
    aws.world(iam=EVERYTHING)
    arn, clients = managed(aws, 1), reader()
    made = calls_made(monkeypatch)

    def versions():
        return [call.operation for call in made].count("GetPolicyVersion")

    examine(clients)
    examine(clients)
    assert versions() == 1
    newer = policy({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    iam = aws.client("iam", B)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=newer, SetAsDefault=True)
    assert '"Deny"' in texts(examine(clients))
    assert versions() == 2


def texts(found):
    return " ".join(one.document for one in found.evidence.caller.policies.value)


def test_a_policy_that_was_made_anew_is_read_again(aws):
    """It has its ARN and its `v1` again."""
    aws.world(iam=EVERYTHING)
    arn, clients, iam = managed(aws, 1), reader(), aws.client("iam", B)
    assert "P1" in texts(examine(clients))
    iam.detach_role_policy(RoleName="analyst", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert managed(aws, 2, "part") != arn
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]})  # fmt: skip
    again = iam.create_policy(PolicyName="part-1", PolicyDocument=text)["Policy"]["Arn"]
    assert again == arn
    iam.attach_role_policy(RoleName="analyst", PolicyArn=again)
    assert '"Deny"' in texts(examine(clients))


def test_a_list_that_was_read_for_one_id_tells_the_others(aws, monkeypatch):
    ids = {name: aws.role(name) for name in ("one", "two", "wanted")}
    clients, made = reader(), calls_made(monkeypatch)
    for name in ("wanted", "one", "two", "wanted"):
        found = look_up_unique_id(clients, B, ids[name])
        assert found == Read(f"arn:aws:iam::{B}:role/{name}")
    assert [call.operation for call in made].count("ListRoles") == 1


@pytest.mark.parametrize(
    ("claimed", "learnt"), [(True, A), (False, None)], ids=["S3 said so", "nobody did"]
)
def test_an_owner_that_was_found_is_learnt(harness, claimed, learnt):
    who = session_of(f"arn:aws:iam::{B}:role/team/analyst")
    bucket = "a-reports" if claimed else "a-nowhere"
    harness.handle(s3("e-1", owner="", bucket=bucket, userIdentity=who))
    assert BucketOwners(harness.table).owner_of(bucket) == learnt
