"""`userIdentity` in every shape that CloudTrail writes: who called, with which path."""

from dataclasses import replace

import pytest

from threegrants.cloudtrail import Caller, CallerType, RecordError
from threegrants.cloudtrail.identity import from_arn, named_by_message, read_caller

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


AIDA, AROA = "AIDAX", "AROAX"
SAID = from_arn(SESSION)
OWNERS_COPY = Caller(CallerType.ROLE, A, None, unique_id=AROA, session_name="alice", invoked_by="x")
BY_MESSAGE = [
    pytest.param(OWNERS_COPY, SESSION, replace(SAID, unique_id=AROA, invoked_by="x"), id="a session"),
    pytest.param(replace(OWNERS_COPY, session_name=None), SESSION,
                 replace(SAID, unique_id=AROA, invoked_by="x"), id="a session without its name"),
    pytest.param(replace(OWNERS_COPY, type=CallerType.ACCOUNT, session_name=None), USER,
                 Caller(CallerType.USER, A, USER, unique_id=AROA, invoked_by="x"), id="a user of an account"),
    pytest.param(Caller(CallerType.USER, A, None, unique_id=AIDA), USER,
                 Caller(CallerType.USER, A, USER, unique_id=AIDA), id="a user"),
    pytest.param(OWNERS_COPY, SESSION.replace("alice", "bob"), None, id="another session"),
    pytest.param(OWNERS_COPY, SESSION.replace(A, "222222222222"), None, id="another account"),
    pytest.param(OWNERS_COPY, USER, None, id="another kind"),
    pytest.param(replace(OWNERS_COPY, arn=ROLE), SESSION, None, id="a caller that is named already"),
    pytest.param(replace(OWNERS_COPY, account=None), "arn:aws:iam:::role/r", None, id="no account"),
    pytest.param(replace(OWNERS_COPY, type=CallerType.ACCOUNT, session_name=None), f"arn:aws:iam::{A}:root",
                 None, id="the root user"),
    pytest.param(replace(OWNERS_COPY, type=CallerType.SERVICE), SESSION, None, id="a service"),
]  # fmt: skip


@pytest.mark.parametrize(("caller", "named", "found"), BY_MESSAGE)
def test_a_caller_without_an_arn_after_what_the_message_says(caller, named, found):
    assert named_by_message(caller, named) == (found or caller)


ARN_AND_MORE = [
    pytest.param({"type": "AWSAccount", "accountId": A, "principalId": A, "invokedBy": "x"},
                 Caller(CallerType.ROOT, A, f"arn:aws:iam::{A}:root", unique_id=A, invoked_by="x"),
                 id="the root user of another account"),
    pytest.param({"type": "AWSAccount", "accountId": A, "principalId": A, "arn": f"arn:aws-cn:iam::{A}:root"},
                 Caller(CallerType.ROOT, A, f"arn:aws-cn:iam::{A}:root", unique_id=A), id="the same, with its ARN"),
    pytest.param({"type": "AWSAccount", "accountId": A, "principalId": "AROAX:s", "arn": ROLE, "invokedBy": "x"},
                 Caller(CallerType.ROLE, A, ROLE, unique_id="AROAX", session_name="s", invoked_by="x"),
                 id="a role of another account, with its ARN"),
    pytest.param({"type": "IdentityCenterUser", "accountId": A, "invokedBy": "x"},
                 Caller(CallerType.IDENTITY_CENTER_USER, A, None, invoked_by="x"), id="Identity Center, by a service"),
    pytest.param({"type": "Directory", "accountId": A, "principalId": "X:y", "invokedBy": "x"},
                 Caller(CallerType.UNKNOWN, A, None, unique_id="X", invoked_by="x"), id="a type that is not known"),
    pytest.param({"type": "AWSService", "arn": ROLE, "invokedBy": "x"},
                 Caller(CallerType.SERVICE, None, None, invoked_by="x"), id="a service with an ARN"),
    pytest.param({"arn": ROLE, "invokedBy": "x"}, Caller(CallerType.ROLE, A, ROLE), id="an ARN and a service"),
    pytest.param({"type": "IAMUser", "arn": USER, "accountId": A, "principalId": "AIDAX", "invokedBy": "x",
                  "sessionContext": {"sourceIdentity": "ann"}},
                 Caller(CallerType.USER, A, USER, unique_id="AIDAX", invoked_by="x", source_identity="ann"),
                 id="a user with a source identity"),
    pytest.param({"type": "Role", "arn": SESSION, "principalId": "AROAX"},
                 Caller(CallerType.ROLE, A, f"arn:aws:iam::{A}:role/analyst", SESSION, "AROAX",
                        path_known=False, session_name="alice"), id="a role by its session"),
    pytest.param({"type": "AssumedRole", **issued_by(ROLE)},
                 Caller(CallerType.ROLE, A, ROLE), id="an issuer alone"),
    pytest.param({"type": "AssumedRole", "accountId": A, "arn": "x"}, Caller(CallerType.ROLE, A, None),
                 id="an ARN that is none"),
]  # fmt: skip


@pytest.mark.parametrize(("identity", "caller"), ARN_AND_MORE)
def test_an_identity_with_more_than_usual(identity, caller):
    assert read_caller(identity) == caller


BAD = [
    ("an ARN that is no text", {"arn": ["a"]}, r"userIdentity\.arn: a list"),
    ("a session that is no object", {"type": "AssumedRole", "sessionContext": "x"},
     r"userIdentity\.sessionContext: a string"),
    ("an issuer's ARN that is no text",
     {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": [1]}}},
     r"userIdentity\.sessionContext\.sessionIssuer\.arn: a list"),
    ("a source identity that is no text", {"type": "AssumedRole", "sessionContext": {"sourceIdentity": [1]}},
     r"userIdentity\.sessionContext\.sourceIdentity: a list"),
    ("a user's source identity that is no text", {"type": "IAMUser", "sessionContext": {"sourceIdentity": [1]}},
     r"userIdentity\.sessionContext\.sourceIdentity: a list"),
    ("an issuer of a federated user that is no text",
     {"type": "FederatedUser", "sessionContext": {"sessionIssuer": {"arn": [1]}}},
     r"userIdentity\.sessionContext\.sessionIssuer\.arn: a list"),
    ("an issuer of a user that is no object", {"type": "IAMUser", "sessionContext": {"sessionIssuer": [1]}},
     r"userIdentity\.sessionContext\.sessionIssuer: a list"),
    ("a type that is no text", {"type": [1]}, r"userIdentity\.type: a list"),
    ("an account that is no text", {"accountId": [1]}, r"userIdentity\.accountId: a list"),
    ("an id that is no text", {"principalId": [1]}, r"userIdentity\.principalId: a list"),
    ("a service that is no text", {"invokedBy": [1]}, r"userIdentity\.invokedBy: a list"),
    ("an issuer that is no object",
     {"type": "AssumedRole", "sessionContext": {"sessionIssuer": [1]}},
     r"userIdentity\.sessionContext\.sessionIssuer: a list"),
]  # fmt: skip


@pytest.mark.parametrize(("identity", "words"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_what_is_no_identity_is_refused_with_its_place(identity, words):
    with pytest.raises(RecordError, match=words):
        read_caller(identity)
