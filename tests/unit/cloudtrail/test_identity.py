"""`userIdentity` in every shape that CloudTrail writes: who called, with which path."""

import pytest

from threegrants.cloudtrail import Caller, CallerType, RecordError
from threegrants.cloudtrail.identity import from_arn, read_caller

A = "111111111111"
ROLE = f"arn:aws:iam::{A}:role/team/data/analyst"
SESSION = f"arn:aws:sts::{A}:assumed-role/analyst/alice"
USER = f"arn:aws:iam::{A}:user/team/bob"


def issued_by(arn, **more):
    return {"sessionContext": {"sessionIssuer": {"arn": arn, **more}}}


IDENTITIES = [
    ("a session of a role below a path",
     {"type": "AssumedRole", "arn": SESSION, "accountId": A, "principalId": "AROAX:alice",
      **issued_by(ROLE)},
     Caller(CallerType.ROLE, A, ROLE, SESSION, "AROAX", session_name="alice")),
    ("a session whose issuer is not said: its path is lost",
     {"type": "AssumedRole", "arn": SESSION, "accountId": A, "principalId": "AROAX:alice"},
     Caller(CallerType.ROLE, A, f"arn:aws:iam::{A}:role/analyst", SESSION, "AROAX",
            path_known=False, session_name="alice")),
    ("a session in GovCloud",
     {"arn": SESSION.replace(":aws:", ":aws-us-gov:")},
     Caller(CallerType.ROLE, A, f"arn:aws-us-gov:iam::{A}:role/analyst",
            SESSION.replace(":aws:", ":aws-us-gov:"), path_known=False, session_name="alice")),
    ("a role's own ARN", {"type": "Role", "arn": ROLE, "accountId": A},
     Caller(CallerType.ROLE, A, ROLE)),
    ("a session with a unique id from its issuer",
     {"type": "AssumedRole", "arn": SESSION, **issued_by(ROLE, principalId="AROAX")},
     Caller(CallerType.ROLE, A, ROLE, SESSION, "AROAX", session_name="alice")),
    ("a session without a role's name",
     {"type": "AssumedRole", "arn": f"arn:aws:sts::{A}:assumed-role/", "accountId": A},
     Caller(CallerType.ROLE, A, None, f"arn:aws:sts::{A}:assumed-role/", path_known=False)),
    ("a user below a path",
     {"type": "IAMUser", "arn": USER, "accountId": A, "principalId": "AIDAX"},
     Caller(CallerType.USER, A, USER, unique_id="AIDAX")),
    ("a user without an account", {"type": "IAMUser", "arn": USER}, Caller(CallerType.USER, A, USER)),
    ("root", {"type": "Root", "arn": f"arn:aws:iam::{A}:root", "principalId": A},
     Caller(CallerType.ROOT, A, f"arn:aws:iam::{A}:root", unique_id=A)),
    ("a federated user",
     {"type": "FederatedUser", "arn": f"arn:aws:sts::{A}:federated-user/eve",
      "principalId": f"{A}:eve", **issued_by(USER)},
     Caller(CallerType.FEDERATED_USER, A, f"arn:aws:sts::{A}:federated-user/eve",
            f"arn:aws:sts::{A}:federated-user/eve", session_name="eve", issuer_arn=USER)),
    ("the owner's copy: a role by its unique id",
     {"type": "AWSAccount", "accountId": A, "principalId": "AROAX:alice"},
     Caller(CallerType.ROLE, A, None, unique_id="AROAX", session_name="alice")),
    ("the owner's copy: a user by its unique id",
     {"type": "AWSAccount", "accountId": A, "principalId": "AIDAX"},
     Caller(CallerType.USER, A, None, unique_id="AIDAX")),
    ("another account", {"type": "AWSAccount", "accountId": A, "principalId": "ASIAX"},
     Caller(CallerType.ACCOUNT, A, None, unique_id="ASIAX")),
    ("nobody", {"type": "AWSAccount", "accountId": "anonymous", "principalId": ""},
     Caller(CallerType.ANONYMOUS, None, None)),
    ("nobody, in older records", {"type": "AWSAccount", "accountId": "ANONYMOUS_PRINCIPAL"},
     Caller(CallerType.ANONYMOUS, None, None)),
    ("a service", {"type": "AWSService", "invokedBy": "config.amazonaws.com"},
     Caller(CallerType.SERVICE, None, None, invoked_by="config.amazonaws.com")),
    ("a service without a type", {"invokedBy": "config.amazonaws.com"},
     Caller(CallerType.SERVICE, None, None, invoked_by="config.amazonaws.com")),
    ("a user of Identity Center", {"type": "IdentityCenterUser", "accountId": A},
     Caller(CallerType.IDENTITY_CENTER_USER, A, None)),
    ("an ARN alone", {"arn": USER}, Caller(CallerType.USER, A, USER)),
    ("nothing", {}, Caller(CallerType.UNKNOWN, None, None)),
    ("a source identity",
     {"type": "AssumedRole", "arn": SESSION,
      "sessionContext": {"sessionIssuer": {"arn": ROLE}, "sourceIdentity": "alice@example.com"}},
     Caller(CallerType.ROLE, A, ROLE, SESSION, session_name="alice",
            source_identity="alice@example.com")),
]  # fmt: skip


@pytest.mark.parametrize(("identity", "caller"), [c[1:] for c in IDENTITIES],
                         ids=[c[0] for c in IDENTITIES])  # fmt: skip
def test_identity(identity, caller):
    assert read_caller(identity) == caller


ARNS = [
    (SESSION, Caller(CallerType.ROLE, A, f"arn:aws:iam::{A}:role/analyst", SESSION,
                     path_known=False, session_name="alice")),
    (ROLE, Caller(CallerType.ROLE, A, ROLE)),
    (USER, Caller(CallerType.USER, A, USER)),
    (f"arn:aws:iam::{A}:root", Caller(CallerType.ROOT, A, f"arn:aws:iam::{A}:root")),
    (f"arn:aws:sts::{A}:federated-user/eve",
     Caller(CallerType.FEDERATED_USER, A, f"arn:aws:sts::{A}:federated-user/eve")),
    ("arn:aws:s3:::reports", Caller(CallerType.UNKNOWN, None, "arn:aws:s3:::reports")),
    ("arn:aws", Caller(CallerType.UNKNOWN, None, "arn:aws")),
]  # fmt: skip


@pytest.mark.parametrize(("arn", "caller"), ARNS, ids=[arn for arn, _ in ARNS])
def test_the_principal_of_a_message(arn, caller):
    assert from_arn(arn) == caller


BAD = [
    ("an ARN that is no text", {"arn": ["a"]}, r"userIdentity\.arn: a list"),
    ("a session that is no object", {"type": "AssumedRole", "sessionContext": "x"},
     r"userIdentity\.sessionContext: a string"),
    ("an issuer that is no object",
     {"type": "AssumedRole", "sessionContext": {"sessionIssuer": [1]}},
     r"userIdentity\.sessionContext\.sessionIssuer: a list"),
]  # fmt: skip


@pytest.mark.parametrize(("identity", "words"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_what_is_no_identity_is_refused_with_its_place(identity, words):
    with pytest.raises(RecordError, match=words):
        read_caller(identity)
