"""Tokens of OpenID Connect: is one signed by its issuer, for this audience, and still valid?

The keys of an issuer come from its discovery document, or from what ``--jwks`` names instead (an
address or a file). The tokens of the built-in issuer are believed by every authorizer.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from emulator.edge.http_fronts.authorizers.token_issuer import KEY_ID, TokenIssuer
from emulator.invoke.http_client import HttpFailure, fetch
from emulator.model.clock import Clock

#: Seconds for which the keys of an issuer are believed; AWS takes up to two hours.
_KEYS_S = 7200.0
#: Seconds between two questions for keys that an issuer did not have, or did not give.
_AGAIN_S = 10.0
#: Seconds for one question, and the most bytes of a token and of its issuer's documents.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
_LATE_S = 1.5
_LONGEST = 10_000
_DOCUMENT = 150_000
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")


class InvalidToken(Exception):
    """A token is not believed; the text says why, in AWS's words where those are known."""


class _Asked:
    """The keys of an issuer, and when it was asked for them."""

    __slots__ = ("at", "failure", "keys", "turn")

    def __init__(self) -> None:
        self.at = float("-inf")
        self.keys: dict[str, Any] = {}
        #: Why it gave none when it was asked last; "" if it did.
        self.failure = ""
        self.turn = asyncio.Lock()


class JwtVerifier:
    """Checks tokens.

    Args:
        clock: Says when a token has expired.
        issuer: The built-in issuer.
        sources: Addresses or files of key sets, by issuer.
    """

    def __init__(
        self, clock: Clock, issuer: TokenIssuer, sources: Mapping[str, str] | None = None
    ) -> None:
        self._clock = clock
        self._sources = {_plain(name): place for name, place in (sources or {}).items()}
        self._issuer = issuer
        self._keys: dict[str, _Asked] = {}

    async def verify(
        self, token: str, *, issuers: Iterable[str], audiences: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the claims of a token.

        Args:
            token: Without "Bearer".
            issuers: Those that are believed.
            audiences: One of them has to be the token's ``aud``, or its ``client_id`` where it has
                no ``aud``; none lets every token pass.

        Raises:
            InvalidToken: It is not believed.
        """
        import jwt

        if len(token) > _LONGEST:
            raise InvalidToken("the token is too long")
        try:
            head = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise InvalidToken("the token is malformed") from error
        named = str(claims.get("iss", ""))
        issuer = next((each for each in issuers if _plain(each) == _plain(named)), None)
        if issuer is None:
            raise InvalidToken("the token has an invalid issuer")
        key = await self._key(issuer, str(head.get("kid", "")), str(head.get("alg", "")))
        try:
            jwt.decode(token, key, algorithms=_ALGORITHMS, options=_ONLY_SIGNATURE)
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise InvalidToken("the signature is invalid") from error
        self._check_times(claims)
        _check_audience(claims, frozenset(audiences))
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now()
        if _number(claims.get("exp"), 0) <= now:
            raise InvalidToken("the token has expired")
        if _number(claims.get("nbf", now), now + 1) > now:
            raise InvalidToken("the token is not valid yet")
        if _number(claims.get("iat", now), now + 2) > now + 1:
            raise InvalidToken("the token was issued in the future")

    # --- keys ----------------------------------------------------------------------------------

    async def _key(self, issuer: str, key_id: str, algorithm: str) -> Any:
        """Return the key of an issuer that a token was signed with.

        Raises:
            InvalidToken: There is no such key, or the issuer does not answer.
        """
        if algorithm not in _ALGORITHMS:
            raise InvalidToken(f"the algorithm {algorithm} is not supported")
        if key_id == KEY_ID:
            return await self._issuer.public_key()
        asked = self._keys.get(issuer)
        if asked is None:
            asked = self._keys[issuer] = _Asked()
        async with asked.turn:  # who comes meanwhile waits for the same answer
            age = self._clock.monotonic() - asked.at
            is_old = age > _KEYS_S or (key_id not in asked.keys and age > _AGAIN_S)
            if is_old or (asked.failure and age > _AGAIN_S):
                asked.at = self._clock.monotonic()
                try:
                    asked.keys, asked.failure = await self._fetch(issuer), ""
                except InvalidToken as error:
                    asked.failure = str(error)
        # Keys that are known outlast an issuer that does not answer for a while.
        if key_id not in asked.keys:
            raise InvalidToken(asked.failure or "the kid of the token is unknown")
        return asked.keys[key_id]

    async def _fetch(self, issuer: str) -> dict[str, Any]:
        import jwt

        place = self._sources.get(_plain(issuer))
        if place is None:
            known = await _document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            place = str(known.get("jwks_uri", ""))
        found = await _document(place)
        keys = {}
        listed = found.get("keys")
        for each in listed if isinstance(listed, list) else ():
            try:
                key = jwt.PyJWK.from_dict(each)
            except (jwt.PyJWTError, AttributeError, KeyError, TypeError):
                continue  # of a kind that no token may be signed with
            keys[str(each.get("kid", ""))] = key.key
        return keys


_ONLY_SIGNATURE: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


async def _document(place: str) -> dict[str, Any]:
    """Return a JSON document at an address or in a file.

    Raises:
        InvalidToken: There is none.
    """
    try:
        if place.startswith(("http://", "https://")):
            answer = await fetch("GET", place, timeout_s=_LATE_S, most=_DOCUMENT)
            if answer.status != 200:
                raise InvalidToken("unable to fetch JWKS")
            data = answer.body
        else:
            data = await asyncio.to_thread(Path(place.removeprefix("file://")).read_bytes)
        found = orjson.loads(data)
    except (HttpFailure, OSError, ValueError) as error:
        raise InvalidToken("unable to fetch JWKS") from error
    return found if isinstance(found, dict) else {}


def _check_audience(claims: Mapping[str, Any], wanted: frozenset[str]) -> None:
    if not wanted:
        return
    found = claims.get("aud", claims.get("client_id"))
    named = found if isinstance(found, list) else [found]
    if wanted.isdisjoint(str(each) for each in named):
        raise InvalidToken("the token does not have a valid audience")


def _number(value: Any, otherwise: float) -> float:
    return otherwise if isinstance(value, bool) or not isinstance(value, (int, float)) else value


def _plain(issuer: str) -> str:
    return issuer.rstrip("/")
