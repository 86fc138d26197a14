"""JWT authorizers: tokens of issuers elsewhere, of files, and of the built-in issuer."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from emulator.cli.application import run
from emulator.edge.http_fronts.authorizers import jwt_tokens
from tests.api.http_site import ApiSite
from tests.patience import PATIENCE_S

FILED = "https://filed.example"


class Issuer:
    """An issuer of OpenID Connect on this machine."""

    def __init__(self) -> None:
        self.keys = {"one": ec.generate_private_key(ec.SECP256R1())}
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                found = outer.documents().get(self.path)
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *given: Any) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def documents(self) -> dict[str, Any]:
        keys = [
            {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}
            for kid, key in self.keys.items()
        ]
        return {
            "/.well-known/openid-configuration": {"jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [{"kty": "odd", "kid": "odd"}, *keys]},
        }

    def sign(self, kid: str = "one", **claims: Any) -> str:
        now = int(time.time())
        given = {"iss": self.url, "aud": "me", "sub": "you", "iat": now, "exp": now + 60, **claims}
        kept = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(kept, self.keys[kid], "ES256", headers={"kid": kid})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine, an issuer may take longer than API Gateway waits for one.
        patch.setattr(jwt_tokens, "_LATE_S", PATIENCE_S)
        yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


@pytest.fixture(scope="module")
def filed() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def site(filed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiSite]:
    path: Path = tmp_path_factory.mktemp("keys") / "jwks.json"
    key = {**ECAlgorithm.to_jwk(filed.public_key(), as_dict=True), "kid": "file"}
    path.write_text(json.dumps({"keys": [key]}))
    site = ApiSite(jwks={FILED: str(path)})
    site.function("echo")
    yield site
    site.stop()


def guarded(site: ApiSite, name: str, issuer: str, **fields: Any) -> str:
    """Create an API whose route needs a token of an issuer."""
    api_id = site.http_api(name)
    authorizer = site.api.create_authorizer(
        ApiId=api_id,
        Name="tokens",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer, "Audience": ["me"]},
    )["AuthorizerId"]
    arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
    more = {"AuthorizationType": "JWT", "AuthorizerId": authorizer}
    site.route(api_id, "GET /a", arn, **more, **fields)
    site.stage(api_id)
    return api_id


@pytest.fixture(scope="module")
def api(site: ApiSite, issuer: Issuer) -> str:
    return guarded(site, "elsewhere", issuer.url)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_lets_its_bearer_in(site: ApiSite, api: str, issuer: Issuer) -> None:
    token = issuer.sign(roles=["a", "b"], admin=True, n=1)
    answer = site.call(api, "/a", headers=bearer(token))
    found = answer.json["requestContext"]["authorizer"]["jwt"]
    assert found["scopes"] is None
    claims = found["claims"]
    assert (claims["sub"], claims["roles"], claims["admin"], claims["n"]) == (
        "you",
        "[a b]",
        "true",
        "1",
    )
    asked = issuer.asked
    assert site.call(api, "/a", headers={"Authorization": token}).status == 200
    assert issuer.asked == asked, "its keys were not remembered"


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": 1}, "the token has expired"),
        ({"exp": None}, "the token has expired"),
        ({"nbf": 1 << 40}, "the token is not valid yet"),
        ({"aud": "others"}, "the token does not have a valid audience"),
        ({"aud": ["others"]}, "the token does not have a valid audience"),
        ({"iss": "https://others.example"}, "the token has an invalid issuer"),
    ],
)
def test_tokens_that_are_not_believed(
    site: ApiSite, api: str, issuer: Issuer, claims: dict[str, Any], text: str
) -> None:
    answer = site.call(api, "/a", headers=bearer(issuer.sign(**claims)))
    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == (
        f'Bearer scope="" error="invalid_token" error_description="{text}"'
    )


def test_what_is_no_token(site: ApiSite, api: str, issuer: Issuer) -> None:
    assert site.call(api, "/a").headers["www-authenticate"] == "Bearer"
    head, _, rest = issuer.sign().partition(".")
    body, _, signature = rest.partition(".")
    other = issuer.sign(sub="me").split(".")[1]
    forged = [
        "x",
        "Bearer ",
        "a.b.c",
        "x" * 20_000,
        f"{head}.{other}.{signature}",
        f"{head}.{body}.",
        jwt.encode({"iss": issuer.url, "aud": "me", "exp": 1 << 40}, "secret" * 8, "HS256"),
        jwt.encode({"iss": issuer.url, "aud": "me", "exp": 1 << 40}, "", "none"),
        jwt.encode(
            {"iss": issuer.url, "aud": "me", "exp": 1 << 40},
            ec.generate_private_key(ec.SECP256R1()),
            "ES256",
            headers={"kid": "localfaas"},
        ),
    ]
    for each in forged:
        answer = site.call(api, "/a", headers={"Authorization": each[:9000]})
        assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})


def test_a_client_id_may_stand_for_the_audience(site: ApiSite, api: str, issuer: Issuer) -> None:
    token = issuer.sign(aud=None, client_id="me")
    assert site.call(api, "/a", headers=bearer(token)).status == 200


def test_scopes(site: ApiSite, issuer: Issuer) -> None:
    api = guarded(site, "scoped", issuer.url, AuthorizationScopes=["read", "write"])
    answer = site.call(api, "/a", headers=bearer(issuer.sign(scope="read other")))
    assert answer.json["requestContext"]["authorizer"]["jwt"]["scopes"] == ["read"]
    answer = site.call(api, "/a", headers=bearer(issuer.sign(scope="other")))
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_keys_may_lie_in_a_file(site: ApiSite, filed: Any) -> None:
    api = guarded(site, "filed", FILED)
    claims = {"iss": FILED, "aud": "me", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, filed, "ES256", headers={"kid": "file"})
    assert site.call(api, "/a", headers=bearer(token)).status == 200


def test_an_issuer_that_fails_is_not_asked_at_each_request(
    site: ApiSite, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "documents", dict)
    failing = f"{issuer.url}/failing"
    api = guarded(site, "failing", failing)
    token = issuer.sign(iss=failing)
    issuer.asked = 0
    for _ in range(3):
        answer = site.call(api, "/a", headers=bearer(token))
        assert answer.status == 401
        assert "unable to fetch JWKS" in answer.headers["www-authenticate"]
    assert issuer.asked == 1


def test_an_issuer_that_is_not_there_is_believed_in_nothing(site: ApiSite) -> None:
    api = guarded(site, "away", "http://127.0.0.1:1")
    claims = {"iss": "http://127.0.0.1:1", "aud": "me", "exp": int(time.time()) + 60}
    key = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode(claims, key, "ES256", headers={"kid": "x"})
    answer = site.call(api, "/a", headers=bearer(token))
    assert answer.status == 401
    assert "unable to fetch JWKS" in answer.headers["www-authenticate"]


def test_the_built_in_issuer_stands_for_all(
    site: ApiSite, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc"
    api = guarded(site, "pool", pool, AuthorizationScopes=["read"])

    def token(*words: str) -> str:
        assert run(["token", *words, "--endpoint", site.running.url]) == 0
        return capsys.readouterr().out.strip()

    answer = site.call(api, "/a", headers=bearer(token("pool", "--scope", "read")))
    assert answer.status == 200
    claims = answer.json["requestContext"]["authorizer"]["jwt"]["claims"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (pool, "me", "localfaas")
    named = token("pool", "--claim", "sub=you", "--claim", 'groups=["a"]', "--scope", "read")
    answer = site.call(api, "/a", headers=bearer(named))
    claims = answer.json["requestContext"]["authorizer"]["jwt"]["claims"]
    assert (claims["sub"], claims["groups"]) == ("you", "[a]")
    old = token("pool", "--scope", "read", "--expires", "-1")
    assert site.call(api, "/a", headers=bearer(old)).status == 401
    for_ever = urllib.request.Request(
        f"{site.running.url}/_emulator/tokens",
        b'{"api": "pool", "expires_s": "inf"}',
        {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(for_ever)
    caught.value.close()
    assert caught.value.code == 422
    guarded(site, "another", "https://another.example")
    assert run(["token", "--endpoint", site.running.url]) == 1
    assert "more than one JWT authorizer" in capsys.readouterr().err
    shown = json.loads(token("pool", "--json"))
    key = jwt.PyJWKClient(f"{site.running.url}/_emulator/tokens/jwks").get_signing_key("localfaas")
    assert jwt.decode(shown["token"], key, ["RS256"], audience="me") == shown["claims"]
