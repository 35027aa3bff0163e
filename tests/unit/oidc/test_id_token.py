"""Which tokens are taken, and which are not; each row is one that somebody could hand in."""

import base64
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.oidc import (
    CLIENT,
    ISSUER,
    NOW,
    SETTINGS,
    claims,
    key_set,
    public_jwk,
    signing_key,
    token,
)
from threegrants.oidc import KeySet, ProviderUnreachableError, TokenError, verify_id_token
from threegrants.oidc.id_token import MAX_LIFE_SECONDS, MAX_TOKEN_BYTES


def _b64(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _by_hand(header: Any, payload: Any, signature: bytes = b"") -> str:
    return f"{_b64(header)}.{_b64(payload)}.{_b64(signature)}"


def _hmac_with_the_public_key() -> str:
    pem = signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_b64({'alg': 'HS256', 'kid': 'one'})}.{_b64(claims())}"
    return f"{signed}.{_b64(hmac.digest(pem, signed.encode(), 'sha256'))}"


def _payload_changed() -> str:
    header, _, signature = token().split(".")
    return f"{header}.{_b64(claims(sub='another'))}.{signature}"


REFUSED = [
    pytest.param(lambda: None, "no token", id="nothing"),
    pytest.param(lambda: "", "no token", id="empty"),
    pytest.param(lambda: "a.b.c", "no token", id="three parts of nothing"),
    pytest.param(lambda: "é" * 50, "no token", id="not ASCII"),
    pytest.param(lambda: token(pad="x" * MAX_TOKEN_BYTES), "no token", id="huge"),
    pytest.param(
        lambda: _by_hand({"alg": "none", "kid": "one"}, claims()), "key pair", id="alg none"
    ),
    pytest.param(
        lambda: _by_hand({"alg": "NoNe", "kid": "one"}, claims()), "key pair", id="alg NoNe"
    ),
    pytest.param(_hmac_with_the_public_key, "key pair", id="HS256 with the public key"),
    pytest.param(lambda: token(headers={"kid": "other"}), "does not have", id="unknown key id"),
    pytest.param(lambda: token(headers={"kid": ""}), "does not have", id="no key id"),
    pytest.param(lambda: token("two", headers={"kid": "one"}), "not genuine", id="another key"),
    pytest.param(
        lambda: token("two", headers={"kid": "one", "jwk": public_jwk("two")}),
        "not genuine",
        id="brings its own key",
    ),
    pytest.param(
        lambda: token("two", headers={"kid": "two", "jku": "https://evil.example/keys"}),
        "does not have",
        id="names its own key set",
    ),
    pytest.param(
        lambda: token(headers={"crit": ["exp"], "exp": 1}), "(extension|no token)", id="crit"
    ),
    pytest.param(lambda: token("ec", headers={"kid": "one"}), "not genuine", id="ES256 on RSA"),
    pytest.param(_payload_changed, "not genuine", id="payload changed"),
    pytest.param(lambda: token(aud="another"), "somebody else", id="audience"),
    pytest.param(lambda: token(aud=[CLIENT, "another"]), "somebody else", id="two audiences"),
    pytest.param(lambda: token(aud=None), "not genuine", id="no audience"),
    pytest.param(lambda: token(azp="another"), "somebody else", id="azp"),
    pytest.param(lambda: token(token_use="access"), "no ID token", id="access token"),
    pytest.param(lambda: token(iss="https://evil.example"), "another issuer", id="issuer"),
    pytest.param(lambda: token(iss=ISSUER + "/"), "another issuer", id="issuer with a slash"),
    pytest.param(lambda: token(iss=None), "not genuine", id="no issuer"),
    pytest.param(lambda: token(exp=NOW), "over", id="over"),
    pytest.param(lambda: token(exp=None), "not genuine", id="no end"),
    pytest.param(lambda: token(exp="tomorrow"), "no numbers", id="end no number"),
    pytest.param(lambda: token(exp=True), "no numbers", id="end a truth"),
    pytest.param(lambda: token(exp=1e300), "no times", id="end beyond time"),
    pytest.param(
        lambda: token(iat=NOW - MAX_LIFE_SECONDS - 1, exp=NOW + 10**6), "over", id="lives too long"
    ),
    pytest.param(lambda: token(iat=NOW + 100), "not hold yet", id="of tomorrow"),
    pytest.param(lambda: token(nbf=NOW + 100), "not hold yet", id="not before"),
    pytest.param(lambda: token(sub=""), "names nobody", id="no subject"),
    pytest.param(lambda: token(sub="a b"), "names nobody", id="subject with a space"),
    pytest.param(lambda: token(sub="a\nb"), "names nobody", id="subject with a line"),
    pytest.param(lambda: token(groups=["g"] * 501), "groups", id="too many groups"),
]


@pytest.mark.parametrize(("made", "why"), REFUSED)
def test_refused(made, why):
    with pytest.raises(TokenError, match=why):
        verify_id_token(made(), key_set(), SETTINGS, NOW)


def test_taken():
    found = verify_id_token(token(), key_set(), SETTINGS, NOW)
    assert found.identity == f"{ISSUER}#5f3c"
    assert (found.email, found.name, found.groups) == (
        "sam@example.com",
        "Sam",
        frozenset({"on-call"}),
    )
    assert found.expires == NOW + 3600


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: token("ec"), id="ES256"),
        pytest.param(lambda: token(algorithm="PS256"), id="PS256"),
        pytest.param(lambda: token(aud=[CLIENT]), id="a list of one audience"),
        pytest.param(lambda: token(token_use="id"), id="Cognito's token_use"),
        pytest.param(lambda: token(iat=NOW + 20), id="a clock a little ahead"),
    ],
)
def test_taken_in_other_forms(made):
    assert verify_id_token(made(), key_set("one", "ec"), SETTINGS, NOW).subject == "5f3c"


@pytest.mark.parametrize(
    ("changes", "email"),
    [
        pytest.param({}, "sam@example.com", id="checked"),
        pytest.param({"email_verified": "true"}, "sam@example.com", id="checked, as Cognito says"),
        pytest.param({"email_verified": False}, "", id="not checked"),
        pytest.param({"email_verified": None}, "", id="nobody says"),
        pytest.param({"email": "a\nb@example.com"}, "", id="two lines"),
    ],
)
def test_an_address_counts_only_if_the_provider_checked_it(changes, email):
    found = verify_id_token(token(**changes), key_set(), SETTINGS, NOW)
    assert (found.email, found.all.get("email", "")) == (email, email)


@pytest.mark.parametrize(
    ("listed", "groups"),
    [
        pytest.param("one", {"one"}, id="one text"),
        pytest.param(["a", 7, "", None, "b"], {"a", "b"}, id="texts among others"),
        pytest.param({"a": 1}, set(), id="an object"),
        pytest.param(None, set(), id="none"),
    ],
)
def test_groups(listed, groups):
    assert verify_id_token(token(groups=listed), key_set(), SETTINGS, NOW).groups == groups


def test_the_nonce_ties_a_token_to_one_sign_in():
    made = token(nonce="n-1")
    assert verify_id_token(made, key_set(), SETTINGS, NOW, "n-1").subject == "5f3c"
    for wrong in ("n-2", ""):
        with pytest.raises(TokenError, match="another sign-in"):
            verify_id_token(made, key_set(), SETTINGS, NOW, wrong)


class Published:
    """A provider that counts how often it is asked, and may be silent."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked, self.time = list(answers), 0, 0.0

    def __call__(self) -> Any:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keys(self) -> KeySet:
        return KeySet(self, lambda: self.time)


SILENT = ProviderUnreachableError("silent")
ONE, TWO = ({"keys": [public_jwk(name)]} for name in ("one", "two"))


def test_keys_that_cannot_be_had():
    with pytest.raises(ProviderUnreachableError):
        verify_id_token(token(), Published(SILENT).keys(), SETTINGS, NOW)


@pytest.mark.parametrize("published", [[], "keys", {"keys": 7}, {}])
def test_keys_that_are_none(published):
    with pytest.raises(ProviderUnreachableError):
        Published(published).keys().get("one")


def test_a_new_key_is_found_and_forged_ids_ask_seldom():
    provider = Published(ONE, TWO)
    keys = provider.keys()
    assert keys.get("one")
    assert keys.get("two") is None
    assert provider.asked == 1  # asked just now
    provider.time = 31
    assert keys.get("two")
    assert provider.asked == 2
    for number in range(100):
        assert keys.get(f"forged-{number}") is None
    assert provider.asked == 2


def test_what_is_kept_outlasts_a_silence_but_not_for_ever():
    provider = Published(ONE, SILENT)
    keys = provider.keys()
    assert keys.get("one")
    provider.time = 31
    assert keys.get("two") is None
    assert keys.get("one")
    provider.time = 700
    with pytest.raises(ProviderUnreachableError):
        keys.get("one")


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"kty": "oct", "k": "AAAA"}, id="a secret"),
        pytest.param({"alg": "RS512"}, id="for another signature"),
        pytest.param({"n": "AQAB"}, id="a broken number"),
        pytest.param({"kty": "RSA", "n": None}, id="half a key"),
    ],
)
def test_odd_keys(odd):
    published = {"keys": [{**public_jwk(), **odd}]}
    with pytest.raises(TokenError):
        verify_id_token(token(), KeySet(lambda: published), SETTINGS, NOW)


def test_a_key_for_encryption_signs_nothing():
    published = {"keys": [{**public_jwk(), "use": "enc"}]}
    with pytest.raises(TokenError, match="does not have"):
        verify_id_token(token(), KeySet(lambda: published), SETTINGS, NOW)
