"""What a provider says of itself, where people are sent, and how a code becomes a token."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from support.oidc import CLIENT, ISSUER, SETTINGS
from threegrants.oidc import OidcSettings, Provider, ProviderError, TokenError, fetch, sign_in
from threegrants.oidc.fetch import MAX_BYTES, ProviderUnreachableError
from threegrants.oidc.provider import parse_discovery, require_https
from threegrants.oidc.sign_in import SignInSecrets, authorization_url, exchange

DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}
PROVIDER = Provider(issuer=ISSUER, **{n: v for n, v in DOCUMENT.items() if n != "issuer"})
BACK = "https://grants.example.com/callback"


def test_a_discovery_document():
    assert parse_discovery(DOCUMENT, ISSUER) == PROVIDER


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({**DOCUMENT, "issuer": f"{ISSUER}/"}, id="another issuer"),
        pytest.param({**DOCUMENT, "issuer": None}, id="no issuer"),
        pytest.param({**DOCUMENT, "jwks_uri": "http://id.example.com/keys"}, id="keys without TLS"),
        pytest.param({**DOCUMENT, "token_endpoint": None}, id="no token endpoint"),
        pytest.param([DOCUMENT], id="a list"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_discovery_document_that_is_refused(document):
    with pytest.raises(ProviderError):
        parse_discovery(document, ISSUER)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://id.example.com/a", True),
        ("http://localhost:8080/a", True),
        ("http://x.execute-api.localhost:8080", True),
        ("http://127.0.0.1/a", True),
        ("http://id.example.com/a", False),
        ("http://localhost.example.com/a", False),
        ("http://127.0.0.1.example.com/", False),
        ("https://", False),
        ("https://user@id.example.com/", False),
        ("https://id.example.com/#a", False),
        ("file:///etc/passwd", False),
        ("https://[", False),
        (7, False),
    ],
)
def test_addresses(address, safe):
    if safe:
        assert require_https(address, "it") == address
    else:
        with pytest.raises(ProviderError, match="wanted an https URL"):
            require_https(address, "it")


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        pytest.param({}, None, id="no provider"),
        pytest.param({"OIDC_ISSUER": ISSUER}, "OIDC_CLIENT_ID", id="no client"),
        pytest.param({"OIDC_ISSUER": ISSUER, "OIDC_CLIENT_ID": "c", "OIDC_SCOPES": "email"}, "openid",
                     id="no openid"),
        pytest.param({"OIDC_ISSUER": "http://id.example.com", "OIDC_CLIENT_ID": "c"}, "OIDC_ISSUER",
                     id="no TLS"),
    ],
)  # fmt: skip
def test_settings(env, wanted):
    if wanted is None:
        assert OidcSettings.from_env(env) is None
    else:
        with pytest.raises(ProviderError, match=wanted):
            OidcSettings.from_env(env)


def test_settings_by_default():
    found = OidcSettings.from_env({"OIDC_ISSUER": ISSUER, "OIDC_CLIENT_ID": CLIENT})
    assert found == SETTINGS
    assert found.discovery_url == f"{ISSUER}/.well-known/openid-configuration"


def test_where_people_are_sent():
    made = SignInSecrets.new()
    asked = parse_qs(urlsplit(authorization_url(PROVIDER, SETTINGS, BACK, made)).query)
    digest = hashlib.sha256(made.verifier.encode()).digest()
    assert asked == {
        "response_type": ["code"],
        "client_id": [CLIENT],
        "redirect_uri": [BACK],
        "scope": ["openid email profile"],
        "state": [made.state],
        "nonce": [made.nonce],
        "code_challenge": [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
    }
    assert len({made.state, made.nonce, made.verifier, *vars_of(SignInSecrets.new())}) == 6


def vars_of(made):
    return made.state, made.nonce, made.verifier


def test_a_code_is_exchanged_with_the_verifier_and_the_secret(monkeypatch):
    sent = {}

    def post(url, fields, headers):
        sent.update(url=url, fields=dict(fields), headers=dict(headers))
        return 200, {"id_token": "t"}

    monkeypatch.setattr(sign_in, "post_form", post)
    assert exchange(PROVIDER, SETTINGS, BACK, "code", "verifier", "s:ecret") == "t"
    assert sent["url"] == PROVIDER.token_endpoint
    assert sent["fields"]["code_verifier"] == "verifier"
    pair = base64.b64decode(sent["headers"]["Authorization"].partition(" ")[2])
    assert pair == f"{CLIENT}:s%3Aecret".encode()


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"error": "invalid_grant"}),
        (200, {}),
        (200, {"id_token": 7}),
        (500, {"id_token": "t"}),
    ],
)
def test_no_token_for_a_code(monkeypatch, answer):
    monkeypatch.setattr(sign_in, "post_form", lambda *_: answer)
    with pytest.raises(TokenError):
        exchange(PROVIDER, SETTINGS, BACK, "code", "verifier")
    with pytest.raises(TokenError, match="no code"):
        exchange(PROVIDER, SETTINGS, BACK, "", "verifier")


class Answered:
    """urllib3's pool: gives one answer, or none."""

    def __init__(self, status=200, body=b"{}", error=None):
        self.status, self.body, self.error = status, body, error

    def request(self, *_, redirect, **__):
        assert redirect is False
        if self.error:
            raise self.error
        return self

    def read(self, amount, **_):
        return self.body[:amount]

    def release_conn(self):
        pass


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answered(error=urllib3.exceptions.ConnectTimeoutError()), id="silent"),
        pytest.param(Answered(error=OSError("gone")), id="gone"),
        pytest.param(Answered(302), id="elsewhere"),
        pytest.param(Answered(500), id="broken"),
        pytest.param(Answered(200, b"<html>"), id="no JSON"),
        pytest.param(Answered(200, b"[" * 100_000), id="deep"),
        pytest.param(Answered(200, b" " * (MAX_BYTES + 1)), id="endless"),
    ],
)
def test_a_provider_that_does_not_answer(monkeypatch, answer):
    monkeypatch.setattr(fetch, "_pool", lambda: answer)
    with pytest.raises(ProviderUnreachableError):
        fetch.get_json(f"{ISSUER}/keys")


def test_a_form_that_is_answered_with_an_error(monkeypatch):
    monkeypatch.setattr(fetch, "_pool", lambda: Answered(400, b'{"error": "invalid_grant"}'))
    assert fetch.post_form(f"{ISSUER}/token", {}, {}) == (400, {"error": "invalid_grant"})
    monkeypatch.setattr(fetch, "_pool", lambda: Answered(200, b"[]"))
    assert fetch.post_form(f"{ISSUER}/token", {}, {}) == (200, {})
