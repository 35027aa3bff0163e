"""Decisions in the name of people who sign in on the page: by whom, with which token, in which group."""

import json
import time
from typing import Any

import pytest

from support.attacks import Ends, attack
from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.harness import bucket_policy
from support.names import A, B
from support.oidc import CLIENT, ISSUER, public_jwk, token
from support.records import s3
from threegrants.handlers import page_requests, remediate
from threegrants.incidents import State, Store
from threegrants.oidc import client as oidc_client
from threegrants.oidc import fetch

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}
PAGE = {
    "viewers": ["look"],
    "approvers": [
        {"group": "on-call"},
        {"group": "of-b", "accounts": [B]},
        {"group": "writers", "access": ["write"]},
    ],
}


@pytest.fixture
def service(aws, monkeypatch):
    aws.remediation_roles()
    monkeypatch.setenv("OIDC_ISSUER", ISSUER)
    monkeypatch.setenv("OIDC_CLIENT_ID", CLIENT)
    published = {f"{ISSUER}/.well-known/openid-configuration": DISCOVERY,
                 f"{ISSUER}/keys": {"keys": [public_jwk()]}}  # fmt: skip
    monkeypatch.setattr(
        oidc_client.OidcClient.__init__, "__defaults__", (published.__getitem__, time.time)
    )
    page_requests._client.cache_clear()
    for found in serving(aws, monkeypatch, trusted=(A, B)):
        found.configuration.put(
            accounts={"trusted": [A, B]}, page=PAGE, limits={"four_eyes_access": []}
        )
        yield found
    page_requests._client.cache_clear()


def signed_in(*groups: str, subject: str = "5f3c", key: str = "one", **changes: Any) -> str:
    now = int(time.time())
    times = {"iat": now - 5, "exp": now + 600}
    return token(key, sub=subject, groups=list(groups or ("on-call",)), **{**times, **changes})


def ask(id_token: Any, path: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
    event = {
        "page_request": {"token": id_token, "method": method, "path": path, "body": body or {}}
    }
    answer: Any = remediate.handler(event, CONTEXT)
    return {"status": answer["statusCode"], **json.loads(answer["body"])}


def opened(service: Any) -> tuple[str, list[str]]:
    assert deliver(s3("e-1")) == []
    [meta] = metas(service)
    report = Store(service.table).get(meta["id"]).report
    assert report is not None
    return meta["id"], [patch.digest for patch in report.proposed_patches]


def refused(service: Any, aws: Any, answer: dict[str, Any], status: int = 403) -> None:
    assert answer["status"] == status, answer
    [meta] = metas(service)
    assert meta["state"] == State.OPEN.value
    assert bucket_policy(aws) is None


def test_a_person_approves(service):
    identity, digests = opened(service)
    answer = ask(
        signed_in(), f"/incidents/{identity}/approve", {"digests": digests, "reason": "ok"}
    )
    assert (answer["status"], answer["state"]) == (202, "applying")
    history = Store(service.table).history(identity)
    assert f"{ISSUER}#5f3c (sam@example.com)" in json.dumps(history, default=str)


def test_a_viewer_looks(service):
    identity, _ = opened(service)
    answer = ask(signed_in("look"), f"/incidents/{identity}", method="GET")
    assert (answer["status"], answer["id"]) == (200, identity)


TOKENS = {
    "none": lambda: None,
    "empty": lambda: "",
    "made up": lambda: "a.b.c",
    "of another key": lambda: signed_in(key="two", headers={"kid": "one"}),
    "for another client": lambda: signed_in(aud="another-client"),
    "of another issuer": lambda: signed_in(iss="https://id.example.com/other-pool"),
    "over": lambda: signed_in(exp=int(time.time()) - 1),
    "an access token": lambda: signed_in(token_use="access"),
}


@attack(
    "20.1",
    "lambda:InvokeFunction on the API's function, with a token that is forged, foreign or over",
    "the grant is approved in a person's name",
    Ends.REFUSED,
)
def test_a_forged_or_foreign_token(service, aws):
    identity, digests = opened(service)
    asked = {"digests": digests, "reason": "ok"}
    for made in TOKENS.values():
        refused(service, aws, ask(made(), f"/incidents/{identity}/approve", asked), 401)


@attack(
    "20.2",
    "a genuine token of a person whose groups may not look, not decide, not here, or not this access",
    "the grant is approved",
    Ends.REFUSED,
)
def test_a_person_of_another_group(service, aws):
    identity, digests = opened(service)
    asked = {"digests": digests, "reason": "ok"}
    for group in ["strangers", "look", "of-b", "writers", "On-Call", "on-call "]:
        answer = ask(signed_in(group), f"/incidents/{identity}/approve", asked)
        refused(service, aws, answer)


@attack(
    "20.3",
    "a genuine token, for a request that the page does not make: replay, mute, another path or method",
    "the API does it without an AWS identity",
    Ends.REFUSED,
)
def test_what_the_page_does_not_ask_for(service, aws):
    identity, digests = opened(service)
    for method, path in [
        ("POST", "/replay"),
        ("POST", "/incidents/ID/mute"),
        ("PUT", "/incidents/ID/approve"),
        ("GET", "/incidents/ID/approve"),
        ("POST", "/incidents/ID/approve/"),
        ("POST", "/incidents/ID/approve?x=/look"),
        ("POST", "/incidents/../replay"),
        ("POST", "/incidents"),
        ("POST", None),
    ]:
        named = path and path.replace("ID", identity)
        asked = {"digests": digests, "hours": 1}
        refused(service, aws, ask(signed_in(), named, asked, method), 404)


@attack(
    "20.4",
    "an event that mixes a page's request with an API's: an own identity, a stage's variables, another key",
    "one half is believed for the other's sake",
    Ends.REFUSED,
)
def test_a_mixture_of_both_events(service, aws):
    identity, digests = opened(service)
    path, body = f"/incidents/{identity}/approve", {"digests": digests}
    page = {"token": signed_in("look"), "method": "POST", "path": path, "body": body}
    sam = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
    api = api_event("POST", path, body, sam, stageVariables=None)
    for event in (
        {**api, "page_request": {**page, "token": signed_in()}},
        {"page_request": {**page, "requestContext": api["requestContext"]}},
        {"page_request": page, "requestContext": api["requestContext"]},
    ):
        answer: Any = remediate.handler(event, CONTEXT)
        assert answer["statusCode"] == 403
    refused(service, aws, {"status": 403})


@attack(
    "20.5",
    "the person whose session was denied signs in on the page and approves its own grant",
    "the own grant is approved",
    Ends.REFUSED,
)
@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_the_denied_person_decides_nothing(service, aws, decision):
    identity, digests = opened(service)
    report = Store(service.table).get(identity).report
    session = report.principal.session_arn.rpartition("/")[2]
    own = signed_in(email=f"{session}@example.com")
    answer = ask(own, f"/incidents/{identity}/{decision}", {"digests": digests, "reason": "ok"})
    refused(service, aws, answer)
    assert "denied principal" in answer["message"]


@attack(
    "20.6",
    "one person signs in twice, or signs in and uses an AWS identity too, where two people are wanted",
    "one person approves as two",
    Ends.NEEDS_TWO,
)
@pytest.mark.parametrize(
    "again",
    [
        pytest.param({}, id="the same again"),
        pytest.param({"email": "other@example.com"}, id="another address"),
        pytest.param({"subject": "another"}, id="another account of one address"),
    ],
)
def test_one_person_is_one_voice(service, aws, again):
    service.configuration.put(
        accounts={"trusted": [A, B]}, page=PAGE, limits={"four_eyes_access": ["read"]}
    )
    identity, digests = opened(service)
    path, body = f"/incidents/{identity}/approve", {"digests": digests, "reason": "ok"}
    for voice in (signed_in(), signed_in(**again)):
        assert ask(voice, path, body)["state"] == "proposed"
    for arn in ("assumed-role/on-call/anybody", "assumed-role/AWSReservedSSO_Ops_1/sam"):
        assert ask(signed_in(), path, body)["state"] == "proposed"
        event = api_event("POST", path, body, f"arn:aws:sts::{A}:{arn}")
        answer: Any = remediate.handler(event, CONTEXT)
        assert json.loads(answer["body"])["state"] == "proposed"
    assert ask(signed_in(), path, body)["state"] == "proposed"
    other = signed_in(subject="kim", email="kim@example.com")
    assert ask(other, path, body)["state"] == "applying"


@attack(
    "20.7",
    "an approval of one account's patch, hidden behind a group's right for another account",
    "a patch is approved that no one group's right covers",
    Ends.REFUSED,
)
def test_rights_of_two_groups_are_not_added_up(service, aws):
    identity, digests = opened(service)
    answer = ask(
        signed_in("of-b", "writers"),
        f"/incidents/{identity}/approve",
        {"digests": digests, "reason": "month end"},
    )
    refused(service, aws, answer)


@attack(
    "20.8",
    "a provider that does not answer, or answers with endless bytes",
    "the function waits for it, or believes a token unchecked",
    Ends.REFUSED,
)
@pytest.mark.parametrize("why", [fetch.ProviderUnreachableError("silent")])
def test_a_silent_provider(service, aws, monkeypatch, why):
    identity, digests = opened(service)

    def silent(_: str) -> Any:
        raise why

    monkeypatch.setattr(oidc_client.OidcClient.__init__, "__defaults__", (silent, time.time))
    page_requests._client.cache_clear()
    answer = ask(
        signed_in(), f"/incidents/{identity}/approve", {"digests": digests, "reason": "ok"}
    )
    refused(service, aws, answer, 503)


def test_without_a_provider_nobody_signs_in(service, aws, monkeypatch):
    identity, digests = opened(service)
    monkeypatch.delenv("OIDC_ISSUER")
    page_requests._client.cache_clear()
    refused(
        service,
        aws,
        ask(signed_in(), f"/incidents/{identity}/approve", {"digests": digests, "reason": "ok"}),
    )
