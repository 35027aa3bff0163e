"""Denials whose message carries an authorization id: the policies as AWS evaluated them then.

The label says why the call was refused at the denial; the outcome follows from what is in force now.
"""

from collections.abc import Iterator
from typing import Any

from scenarios.words import (
    BUCKET,
    DENIED,
    FINE,
    GRANTED,
    IN_BUCKET,
    IN_IAM,
    MISSING,
    OBJECT,
    ROLE,
    SESSION,
    UNKNOWN,
    B,
    Row,
    all_in,
    allow,
    deny,
    expected,
    no,
    numbered,
    policy,
    root,
    says,
    stopped,
)

SOURCE = "https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationPolicy.html"
_ID = "b5m5v5taprqh3yoluoo4dyw0w"
_TYPES = {
    "bucket": ("RESOURCE_BASED_POLICY", BUCKET, "RESOURCE"),
    "key": ("RESOURCE_BASED_POLICY", "${KEY}", "RESOURCE"),
    "iam": ("IDENTITY_BASED_POLICY", ROLE, "PRINCIPAL"),
    "session": ("SESSION_POLICY", ROLE, "SESSION"),
    "boundary": ("PERMISSIONS_BOUNDARY", ROLE, "PERMISSIONS_BOUNDARY"),
    "scp": (
        "SERVICE_CONTROL_POLICY",
        f"arn:aws:organizations::999999999999:account/o-a1b2c3d4e5/{B}",
        "SERVICE_CONTROL_POLICY",
    ),
}
"""What stands for each policy: AWS's type of policy, what it is attached to, and the type of its check."""
_I, _E, _OK = "IMPLICIT_DENY", "EXPLICIT_DENY", "ALLOW"
_NOTHING_HERE = allow(ROLE, "s3:GetObject", f"{BUCKET}/2025/*")
_NOT_MINE = allow(None, "s3:GetObject", f"{BUCKET}/2025/*")
_EXPLICIT = "with an explicit deny in a {} policy"


def _said(
    because: str,
    policies: dict[str, Any],
    checks: dict[str, str],
    action: str = "s3:GetObject",
    **more: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record's message, and what AWS says by its id.

    Args:
        because: why, in AWS's words.
        policies: each policy as it was evaluated; a text for the error that AWS answers with instead.
        checks: the effect of each check.
        action: what was refused.
        more: fields of the evaluation.
    """
    resource = "${KEY}" if action.startswith("kms:") else OBJECT
    message = f"{says(action, resource, because)} with the following authorization id: {_ID}"
    listed = [
        {"type": _TYPES[name.partition(" ")[0]][0], "inline": True, "uri": f"inline/{name}",
         "attachedTo": [{"arn": _TYPES[name.partition(" ")[0]][1]}]}
        for name in policies
    ]  # fmt: skip
    evaluation = {
        "action": action, "resource": resource, "evaluatedEffect": _I,
        "checks": [{"checkType": _TYPES[name][2], "evaluatedEffect": effect} for name, effect in checks.items()],
        **more,
    }  # fmt: skip
    details = {
        "requestContext": {"aws:PrincipalArn": ROLE},
        "evaluations": [evaluation],
        "policies": listed,
    }
    documents = {f"inline/{name}": document for name, document in policies.items()}
    return {"message": message}, {"authorization": details, "documents": documents}


def _as_now() -> Iterator[Row]:
    """Nothing was changed since."""
    cases: tuple[tuple[str, str, dict[str, Any], dict[str, str], dict[str, Any], dict[str, Any]], ...] = (
        ("the bucket policy lacks", no("resource-based", "s3:GetObject"),
         {"bucket": policy(_NOTHING_HERE), "iam": policy(*IN_IAM)}, {"bucket": _I, "iam": _OK},
         {"bucket": policy(_NOTHING_HERE)},
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed")),
        ("the IAM policy lacks", no("identity-based", "s3:GetObject"),
         {"bucket": policy(IN_BUCKET), "iam": policy(IN_IAM[1])}, {"bucket": _OK, "iam": _I},
         {"iam": policy(IN_IAM[1])},
         expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable", certainty="confirmed")),
        ("the bucket policy denies", _EXPLICIT.format("resource-based"),
         {"bucket": policy(IN_BUCKET, deny("*", "s3:GetObject", f"{BUCKET}/2026/*"))}, {"bucket": _E, "iam": _OK},
         {"bucket": policy(IN_BUCKET, deny("*", "s3:GetObject", f"{BUCKET}/2026/*"))},
         expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch", certainty="confirmed")),
        ("only what is about another service was left out", no("resource-based", "s3:GetObject"),
         {"bucket": policy(_NOTHING_HERE), "iam": policy(IN_IAM[0])}, {"bucket": _I, "iam": _OK},
         {"bucket": policy(_NOTHING_HERE), "iam": policy(IN_IAM[0], allow(None, ["kms:Decrypt", "ec2:*"], "*"))},
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed")),
        ("the principal is shown by its unique id", no("identity-based", "s3:GetObject"),
         {"bucket": policy(allow("AROAEXAMPLE000000000", "s3:GetObject", f"{BUCKET}/*")), "iam": policy(_NOT_MINE)},
         {"bucket": _OK, "iam": _I}, {"iam": policy(_NOT_MINE)},
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="fixable", certainty="confirmed")),
    )  # fmt: skip
    for name, because, policies, checks, now, label in cases:
        rec, told = _said(because, policies, checks)
        yield (f"at the denial: as it is now, {name}", rec, all_in(**now, **told),
               {**label, "summary_without": "Since the denial"})  # fmt: skip


def _changed() -> Iterator[Row]:
    """Somebody changed a policy since: the verdicts are those of the denial, the outcome is of now."""
    then = {"bucket": policy(_NOTHING_HERE), "iam": policy(*IN_IAM)}
    rec, told = _said(no("resource-based", "s3:GetObject"), then, {"bucket": _I, "iam": _OK})
    lacking = (MISSING, GRANTED, GRANTED, GRANTED)
    changed = "Since the denial the bucket policy was changed"
    yield ("at the denial: the bucket policy lacked, and allows now", rec, all_in(**told),
           expected(*lacking, outcome="already_allowed", certainty="confirmed", summary=changed))  # fmt: skip
    yield ("at the denial: the bucket policy lacked, and allows now, with SSE-S3", rec,
           all_in(**told, encryption="AES256"),
           expected(MISSING, "not_needed", GRANTED, "not_needed", outcome="already_allowed", summary=changed))  # fmt: skip
    other = allow(ROLE, "s3:GetObject", f"{BUCKET}/2024/*")
    yield ("at the denial: the bucket policy lacked, and lacks otherwise now", rec,
           all_in(**told, bucket=policy(other)),
           expected(*lacking, outcome="fixable", certainty="confirmed", summary="what is in force now comes to the same"))  # fmt: skip
    yield ("at the denial: the bucket policy lacked, and was deleted since", rec, all_in(**told, bucket=None),
           expected(*lacking, outcome="fixable", certainty="confirmed"))  # fmt: skip
    refuse = deny("*", "s3:GetObject", f"{BUCKET}/2026/*")
    yield ("at the denial: the bucket policy lacked, and denies now", rec,
           all_in(**told, bucket=policy(IN_BUCKET, refuse)),
           expected(*lacking, outcome="do_not_patch", certainty="confirmed", summary=changed))  # fmt: skip
    yield ("at the denial: the bucket policy lacked and allows now, the IAM policy was taken away", rec,
           all_in(**told, iam=policy(IN_IAM[1])),
           expected(*lacking, outcome="fixable", certainty="confirmed",
                    summary="Since the denial the bucket policy and the identity-based policies were changed"))  # fmt: skip
    denied = {"bucket": policy(IN_BUCKET, refuse), "iam": policy(*IN_IAM)}
    rec, told = _said(_EXPLICIT.format("resource-based"), denied, {"bucket": _E, "iam": _OK})
    yield ("at the denial: the bucket policy denied, and does not now", rec, all_in(**told),
           expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="already_allowed", certainty="confirmed", summary=changed))  # fmt: skip
    yield ("at the denial: the bucket policy denied, and lacks now", rec, all_in(**told, bucket=policy(other)),
           expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed", summary=changed))  # fmt: skip
    mine = {"bucket": policy(IN_BUCKET), "iam": policy(_NOT_MINE, IN_IAM[1])}
    rec, told = _said(no("identity-based", "s3:GetObject"), mine, {"bucket": _OK, "iam": _I})
    yield ("at the denial: the IAM policy lacked, and allows now", rec, all_in(**told),
           expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="already_allowed", certainty="confirmed",
                    summary="the identity-based policies were changed"))  # fmt: skip
    of_key = {"key": policy(root()), "iam": policy(*IN_IAM)}
    rec, told = _said(
        no("resource-based", "kms:Decrypt"), of_key, {"key": _I, "iam": _OK}, "kms:Decrypt"
    )
    yield ("at the denial: the key policy lacked, and allows now", rec, all_in(**told),
           expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="already_allowed", certainty="confirmed",
                    summary="Since the denial the key policy was changed"))  # fmt: skip
    yield ("at the denial: the key policy lacked, and lacks still", rec, all_in(**told, key=policy(root())),
           expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable", certainty="confirmed"))  # fmt: skip
    bound = policy(allow(None, "ec2:*", "*"))
    rec, told = _said("because no permissions boundary allows the s3:GetObject action",
                      {"boundary": bound}, {"bucket": _OK, "iam": _OK, "boundary": _I})  # fmt: skip
    yield ("at the denial: a permissions boundary that is gone", rec, all_in(**told),
           expected(*FINE, outcome="already_allowed", blockers=("permissions_boundary",), certainty="confirmed",
                    summary="the permissions boundary was changed"))  # fmt: skip
    wider = policy(allow(None, ["s3:*", "kms:*"], "*"))
    yield ("at the denial: a permissions boundary that allows now", rec, all_in(**told, boundary=wider),
           expected(*FINE, outcome="already_allowed", blockers=("permissions_boundary",), certainty="confirmed"))  # fmt: skip
    yield ("at the denial: a permissions boundary that is the same", rec, all_in(**told, boundary=bound),
           stopped("permissions_boundary", certainty="confirmed"))  # fmt: skip


def _sessions() -> Iterator[Row]:
    """Session policies, which nothing else shows."""
    fine = {"bucket": _OK, "iam": _OK}
    sessions: tuple[tuple[str, str, list[Any], str, dict[str, Any]], ...] = (
        ("denies", "with an explicit deny in a session policy",
         [policy(allow(None, "*", "*"), deny(None, "s3:GetObject", f"{BUCKET}/2026/*"))], _E,
         stopped("session_policy", certainty="confirmed")),
        ("does not allow", "because no session policy allows the s3:GetObject action",
         [policy(allow(None, "s3:PutObject", "*"))], _I, stopped("session_policy", certainty="confirmed")),
        ("is one of two, and neither allows", "because no session policy allows the s3:GetObject action",
         [policy(allow(None, "s3:PutObject", "*")), policy(allow(None, "s3:List*", "*"))], _I,
         stopped("session_policy", certainty="confirmed")),
    )  # fmt: skip
    for name, because, documents, effect, label in sessions:
        listed = {f"session {n}": document for n, document in enumerate(documents)}
        rec, told = _said(because, listed, {**fine, "session": effect})
        yield (f"at the denial: a session policy that {name}", rec, all_in(**told),
               {**label, "unknowns_without": ["session policy"]})  # fmt: skip
    lacks = {
        "bucket": policy(_NOTHING_HERE),
        "session": policy(allow(None, ["s3:*", "kms:*"], "*")),
    }
    rec, told = _said(
        no("resource-based", "s3:GetObject"), lacks, {"bucket": _I, "iam": _OK, "session": _OK}
    )
    yield ("at the denial: a session policy that allows", rec, all_in(**told, bucket=policy(_NOTHING_HERE)),
           expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed", unknowns_without=["session policy"]))  # fmt: skip
    one_of_two = {"bucket": policy(_NOTHING_HERE), "session 1": policy(allow(None, "s3:List*", "*")),
                  "session 2": policy(allow(None, "s3:Get*", "*"))}  # fmt: skip
    rec, told = _said(
        no("resource-based", "s3:GetObject"), one_of_two, {"bucket": _I, "iam": _OK, "session": _OK}
    )
    yield ("at the denial: one of two session policies allows", rec, all_in(**told, bucket=policy(_NOTHING_HERE)),
           expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed"))  # fmt: skip
    hidden = {"session": "AccessDeniedException"}
    rec, told = _said(
        "because no session policy allows the s3:GetObject action", hidden, {**fine, "session": _I}
    )
    yield ("at the denial: a session policy that the reader may not see", rec, all_in(**told),
           stopped("session_policy", certainty="confirmed", unknowns=["session policy as AWS evaluated it"],
                   needs="iam:GetRequestAuthorizationPolicy"))  # fmt: skip
    for named, blockers in ((SESSION, ("session_policy",)), (ROLE, ("session_policy",))):
        rec, told = _said("because no session policy allows the s3:GetObject action",
                          {"session": policy(allow(None, "s3:PutObject", "*"))}, {**fine, "session": _I})  # fmt: skip
        made = all_in(**told, bucket=policy(allow(named, "s3:GetObject", f"{BUCKET}/*")))
        yield (f"at the denial: across accounts a session policy limits, {named.split(':')[2]} is named", rec, made,
               stopped(*blockers))  # fmt: skip


def _partly() -> Iterator[Row]:
    """What AWS does not show, or shows in no form that is a policy."""
    because = no("resource-based", "s3:GetObject")
    checks = {"bucket": _I, "iam": _OK}
    lacking = (MISSING, GRANTED, GRANTED, GRANTED)
    now = {"bucket": policy(_NOTHING_HERE)}
    rec, told = _said(
        because, {"bucket": policy(_NOTHING_HERE), "iam": "AccessDeniedException"}, checks
    )
    yield ("at the denial: only the bucket policy is shown", rec, all_in(**told),
           expected(*lacking, outcome="already_allowed", unknowns=["identity-based policy as AWS evaluated it"],
                    summary="Since the denial the bucket policy was changed"))  # fmt: skip
    for error in ("AccessDeniedException", "ResourceNotFoundException", "InternalServerException"):
        rec, told = _said(because, {"bucket": error}, checks)
        needs = "24 hours" if error.startswith("Resource") else "iam:GetRequestAuthorizationPolicy"
        yield (f"at the denial: the policy call ends in {error}", rec, all_in(**told, **now),
               expected(*lacking, outcome="fixable", certainty="confirmed",
                        unknowns=["resource-based policy as AWS evaluated it"], needs=needs))  # fmt: skip
    rec, told = _said(because, {"bucket": "AccessDeniedException"}, {})
    yield ("at the denial: nothing is shown, and the bucket is nobody's", rec, all_in(**told, known=[B]),
           expected(UNKNOWN, UNKNOWN, GRANTED, UNKNOWN, outcome="unknown", needs="iam:GetRequestAuthorizationPolicy"))  # fmt: skip
    for name, document in (
        ("a statement without effect", {"Version": "2012-10-17", "Statement": [{"Action": "s3:*", "Resource": "*"}]}),
        ("a list", [IN_BUCKET]),
        ("a text", "s3:GetObject"),
        ("an operator that does not exist", policy(allow(ROLE, "s3:GetObject", "*", Condition={"Never": {"aws:userid": "a"}}))),
    ):  # fmt: skip
        rec, told = _said(because, {"bucket": {"malformed": document}}, checks)
        yield (f"at the denial: a malformed document, {name}", rec, all_in(**told, **now),
               expected(*lacking, outcome="fixable", certainty="confirmed",
                        unknowns=["resource-based policy as AWS evaluated it"]))  # fmt: skip
    elsewhere = {"bucket": policy(_NOTHING_HERE)}
    rec, told = _said(because, elsewhere, checks)
    told["authorization"]["policies"][0]["attachedTo"] = [{"arn": f"{BUCKET}-of-another"}]
    yield ("at the denial: a policy of another bucket", rec, all_in(**told, **now),
           expected(*lacking, outcome="fixable", certainty="confirmed"))  # fmt: skip
    rec, told = _said(because, {"bucket": policy(IN_BUCKET)}, checks)
    yield ("at the denial: AWS's check says otherwise than the documents it shows", rec, all_in(**told, **now),
           expected(*lacking, outcome="fixable", certainty="confirmed"))  # fmt: skip
    rec, told = _said(because, {"bucket": policy(_NOTHING_HERE)}, checks, resource=f"{OBJECT}.bak")
    yield ("at the denial: an id that is about another object", rec, all_in(**told),
           expected(*FINE, outcome="already_allowed", unknowns=["AWS's own check of the request"]))  # fmt: skip
    scp = policy(allow(None, "*", "*"), deny(None, "s3:GetObject", "*"))
    rec, told = _said("with an explicit deny in a service control policy", {"scp": scp},
                      {"bucket": _OK, "iam": _OK, "scp": _E})  # fmt: skip
    yield ("at the denial: an SCP of an organisation nobody may read", rec,
           all_in(**told, hidden_organization=True), stopped("service_control_policy", certainty="confirmed"))  # fmt: skip
    allowed = policy(allow(None, "*", "*"))
    rec, told = _said(
        because, {"scp": allowed, "bucket": policy(_NOTHING_HERE)}, {**checks, "scp": _OK}
    )
    yield ("at the denial: an SCP that allows", rec, all_in(**told, **now, hidden_organization=True),
           expected(*lacking, outcome="fixable", certainty="confirmed"))  # fmt: skip


def field_at_denial() -> list[dict[str, Any]]:
    """The scenarios, each with its source."""
    rows = [row for table in (_as_now, _changed, _sessions, _partly) for row in table()]
    return numbered("denial", rows, lambda _: SOURCE)
