"""Diagnosis and evaluator never disagree: asked about the same policies, both allow or both refuse.

The diagnosis asks each policy type by itself and puts the answers together in its own words; the
evaluator's `authorize` is the specification of how they go together.
"""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.worlds import BUCKET, KEY, UNIQUE, A, B, call, evidence, policy
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis import diagnose, facts_of
from threegrants.evidence import LevelEvidence, NamedPolicy, OrganizationEvidence, PolicyKind, Read
from threegrants.iam import Policies, Policy, PolicyLevel, authorize

ACTIONS = ("s3:GetObject", "s3:*", "kms:Decrypt", "kms:*", "*", "ec2:RunInstances")
RESOURCES = ("*", f"{BUCKET}/*", f"{BUCKET}/2026/*", f"{BUCKET}/2025/*", KEY)


def principals(account):
    role, user = (f"arn:aws:iam::{account}:{what}" for what in ("role/analyst", "user/ann"))
    session = f"arn:aws:sts::{account}:assumed-role/analyst/s"
    root = f"arn:aws:iam::{account}:root"
    return st.sampled_from(
        (role, user, session, root, account, "*", f"arn:aws:iam::{A}:root", f"{role}-2")
    )


def conditions(account):
    """Conditions whose keys are all known of these callers."""
    return st.sampled_from((
        None,
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/analyst"}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{account}:*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": A}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    ))  # fmt: skip


def statements(account, *, resource_based, most=3):
    def made(effect, principal, action, resource, condition):
        who = {"Principal": "*" if principal == "*" else {"AWS": principal}}
        return {
            "Effect": effect,
            **(who if resource_based else {}),
            "Action": action,
            "Resource": resource,
            **({"Condition": condition} if condition else {}),
        }

    effects = st.sampled_from(("Allow", "Allow", "Allow", "Deny"))
    one = st.builds(
        made, effects, principals(account), st.sampled_from(ACTIONS), st.sampled_from(RESOURCES),
        conditions(account),
    )  # fmt: skip
    return st.lists(one, max_size=most)


@st.composite
def worlds(draw):
    account = draw(st.sampled_from((A, B)))
    user = draw(st.booleans())
    bucket = draw(statements(account, resource_based=True))
    key = draw(statements(account, resource_based=True))
    iam = draw(statements(account, resource_based=False))
    boundary = draw(st.none() | statements(account, resource_based=False).filter(bool))
    scp, rcp = (
        draw(st.none() | statements(account, resource_based=kind)) for kind in (False, True)
    )
    seen = evidence(bucket, key, iam, account, encrypted=draw(st.booleans()))
    caller = seen.caller
    if user:
        caller = replace(caller, type=CallerType.USER, arn=Read(f"arn:aws:iam::{account}:user/ann"))
    if boundary is not None:
        named = NamedPolicy("boundary", policy(*boundary), PolicyKind.BOUNDARY)
        caller = replace(caller, boundary=Read(named))
    places = {
        one: OrganizationEvidence(
            one,
            Read("o-example"),
            Read("999999999999"),
            Read(f"o-example/r-root/{one}/"),
            Read(levels(scp, "scp") if one == account else ()),
            Read(levels(rcp, "rcp") if one == A else ()),
        )
        for one in {A, account}
    }
    return user, replace(seen, caller=caller, organizations=places)


def levels(stated, kind):
    if stated is None:
        return ()
    full = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    if kind == "rcp":
        full["Principal"] = "*"
    return (LevelEvidence("r-root", (NamedPolicy(kind, policy(full, *stated)),)),)


def denied_call(user, account):
    found = call(account=account)
    if user:
        caller = replace(
            found.caller,
            type=CallerType.USER,
            arn=f"arn:aws:iam::{account}:user/ann",
            session_arn=None,
            session_name=None,
            unique_id="AIDAEXAMPLE000000000",
        )
        return replace(found, caller=caller)
    return found


def in_force(facts, action):
    """The policies of the facts as the evaluator takes them, for one action."""

    def parsed(group):
        return tuple(one.policy for one in group.value)

    own = facts.bucket_policy if action.startswith("s3:") else facts.key_policy
    resource = parsed(own)
    levels_of = lambda item: tuple(  # noqa: E731
        PolicyLevel(one.name, tuple(p.policy for p in one.policies)) for one in item.value
    )
    return Policies(
        identity=parsed(facts.identity_policies),
        resource=resource[0] if resource else None,
        boundaries=parsed(facts.boundary),
        scps=levels_of(facts.scps),
        rcps=levels_of(facts.rcps[A]),
    )


@examples(200, at_least=60)
@given(worlds())
def test_diagnosis_and_evaluator_agree(world):
    user, seen = world
    account = seen.caller.account
    asked = denied_call(user, account)
    facts = facts_of(asked, seen)
    decisions = {
        one.request.action: authorize(one.request, in_force(facts, one.request.action))
        for one in facts.requests()
    }
    assert set(decisions) == ({"s3:GetObject", "kms:Decrypt"} if facts.key else {"s3:GetObject"})
    allowed = all(one.allowed for one in decisions.values())
    found = diagnose(asked, seen)
    told = json.dumps({action: one.causes for action, one in decisions.items()})
    if found.outcome.value == "unknown":
        verdicts = (found.bucket_policy.verdict, found.key_policy.verdict,
                    found.iam_policy.verdict)  # fmt: skip
        raise AssertionError(f"nothing is unknown here: {verdicts} {found.unknowns} {told}")
    assert found.allowed == allowed, f"{found.outcome}: {found.summary} but {told}"


def test_the_worlds_are_about_these_callers():
    assert UNIQUE.startswith("AROA")
    assert isinstance(Policy.parse({"Statement": []}, "none"), Policy)
