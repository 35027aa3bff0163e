"""The approval page's function on moto, with a provider of identities and a browser that keeps cookies."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
from aws_lambda_powertools.event_handler.api_gateway import BaseRouter

from support.handlers import CONTEXT, Served, serving
from support.names import A, B
from support.oidc import CLIENT, ISSUER, public_jwk, token
from threegrants.handlers import page as page_handler
from threegrants.handlers import page_requests, remediate
from threegrants.handlers.page_dependencies import page
from threegrants.oidc import client as oidc_client
from threegrants.oidc import sign_in
from threegrants.page.remediation_client import RemediationClient

ADDRESS = "https://grants.example.com"
ACCESS = {
    "viewers": ["look"],
    "approvers": [{"group": "on-call"}, {"group": "of-b", "accounts": [B]}],
    "break_glass": ["glass"],
}
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


@dataclass
class IdentityProvider:
    """Gives tokens for codes, as long as the verifier fits and each code is used once."""

    codes: dict[str, tuple[dict[str, str], dict[str, Any]]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def documents(self, url: str) -> Any:
        return {
            f"{ISSUER}/.well-known/openid-configuration": DISCOVERY,
            f"{ISSUER}/keys": {"keys": [public_jwk()]},
        }[url]

    def sign_in(self, address: str, **claims: Any) -> str:
        """What the provider sends the browser back with, once a person has signed in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = (asked, claims)
        return urlencode({"code": code, "state": asked["state"]})

    def exchange(self, url: str, fields: Any, headers: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append({**fields, **headers})
        found = self.codes.pop(fields["code"], None)
        if found is None or url != DISCOVERY["token_endpoint"]:
            return 400, {"error": "invalid_grant"}
        asked, claims = found
        now = int(time.time())
        said = {"sub": "5f3c", "groups": ["on-call"], "iat": now - 1, "exp": now + 3600, **claims}
        return 200, {"id_token": token(nonce=said.pop("nonce", asked["nonce"]), **said)}


@dataclass
class Page:
    """A page: its status, headers and text."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, self.text[:500]
        return unescape(found[1])


class Browser:
    """Keeps cookies, as a browser does that holds to `__Host-`."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> Page:
        return self._send("GET", path, "", {"sec-fetch-site": "same-origin", **headers})

    def post(self, path: str, fields: Any = (), csrf: str = "", **headers: str) -> Page:
        pairs = [*(fields.items() if isinstance(fields, dict) else fields)]
        body = urlencode([*pairs, *([("csrf", csrf)] if csrf else [])])
        sent = {"origin": "null", "sec-fetch-site": "same-origin", **headers}
        return self._send("POST", path, body, sent)

    def sign_in(self, provider: IdentityProvider, path: str = "/", **claims: Any) -> Page:
        """Sign in there and come back; the page that the person wanted."""
        begun = self.get(f"/sign-in?{urlencode({'to': path})}")
        back = provider.sign_in(begun.headers["Location"], **claims)
        came = self.get(f"/callback?{back}", **{"sec-fetch-site": "cross-site"})
        return self.get(came.headers["Location"]) if came.status == 303 else came

    def _send(self, method: str, path: str, body: str, headers: dict[str, str]) -> Page:
        parts = urlsplit(path)
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "cookies": [f"{name}={value}" for name, value in self.cookies.items()],
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "requestContext": {
                "http": {"method": method, "path": parts.path, "sourceIp": "198.51.100.7"},
                "requestId": "r-1",
                "stage": "$default",
            },
            "body": body or None,
            "isBase64Encoded": False,
        }
        answer = page_handler.handler(event, CONTEXT)
        for sent in answer.get("cookies", ()):
            name, _, rest = sent.partition("=")
            value, *attributes = rest.split("; ")
            assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes), sent
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return Page(answer["statusCode"], answer["headers"], answer.get("body") or "")


@dataclass
class PageWorld:
    """The page, its provider, and what the handlers use."""

    served: Served
    provider: IdentityProvider
    sessions: Any

    def browser(self, path: str = "/", **claims: Any) -> Browser:
        """A browser in which somebody is signed in."""
        made = Browser()
        came = made.sign_in(self.provider, path, **claims)
        assert came.status == 200, came.text[:800]
        return made


class _Invoked:
    """Lambda, as far as the page uses it: RemediateFunction is called right here."""

    def invoke(self, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's names
        assert FunctionName == "threegrants-remediate"
        # Powertools keeps the event on a class; the two functions are two processes on Lambda.
        kept = BaseRouter.current_event, BaseRouter.lambda_context
        try:
            answer = remediate.handler(json.loads(Payload), CONTEXT)
        finally:
            BaseRouter.current_event, BaseRouter.lambda_context = kept
        return {"Payload": _Read(json.dumps(answer).encode())}


@dataclass
class _Read:
    body: bytes

    def read(self) -> bytes:
        return self.body


def paging(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageWorld]:
    """Everything, until the test ends."""
    provider = IdentityProvider()
    defaults = (provider.documents, time.time)
    monkeypatch.setattr(oidc_client.OidcClient.__init__, "__defaults__", defaults)
    monkeypatch.setattr(sign_in, "post_form", provider.exchange)
    sessions = boto3.resource("dynamodb").create_table(
        TableName="sessions",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    link_key = boto3.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    environment = {
        "OIDC_ISSUER": ISSUER,
        "OIDC_CLIENT_ID": CLIENT,
        "PAGE_ADDRESS": ADDRESS,
        "SESSION_TABLE_NAME": "sessions",
        "REMEDIATE_FUNCTION": "threegrants-remediate",
        "LINK_MAC_KEY": link_key["KeyMetadata"]["Arn"],
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in (page, page_requests._client):
        cached.cache_clear()
    for served in serving(aws, monkeypatch, trusted=(A, B)):
        served.configuration.put(accounts={"trusted": [A, B]}, page=ACCESS)
        page().__dict__["remediation"] = RemediationClient(
            cast("Any", _Invoked()), "threegrants-remediate"
        )
        yield PageWorld(served, provider, sessions)
    for cached in (page, page_requests._client):
        cached.cache_clear()
