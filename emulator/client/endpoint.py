"""A client of a running emulator, on the standard library: it must be quick to import."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from emulator.model.errors import LocalfaasError

if TYPE_CHECKING:
    from http.client import HTTPConnection

#: The most seconds to wait for an answer, as SDKs do: on a busy machine the first one takes long,
#: for which the emulator loads its admin API.
_TIMEOUT_S = 60.0

#: The header, in lower case, that every answer of the admin API has.
MARK = "x-localfaas-version"

DEFAULT_ENDPOINT = f"http://127.0.0.1:{os.environ.get('LOCALFAAS_PORT') or 4566}"


class ClientError(LocalfaasError):
    """The emulator could not be asked, or it refused; the text is for the user."""


class Answer(NamedTuple):
    """An answer of the emulator's HTTP API."""

    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Talks to one emulator.

    Raises:
        ClientError: From every method, for everything that goes wrong; its text is for the user.
    """

    def __init__(self, endpoint: str) -> None:
        try:
            parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}", scheme="http")
            self.host, self.port = parts.hostname or "", parts.port or 80
        except ValueError as failure:
            raise ClientError(f"{endpoint} is not an endpoint: {failure}") from failure
        if parts.scheme != "http" or not self.host:
            raise ClientError(f"{endpoint} is not an endpoint; one looks like {DEFAULT_ENDPOINT}")
        self.endpoint = endpoint
        host = f"[{self.host}]" if ":" in self.host else self.host
        #: The endpoint's URL, normalised.
        self.url = f"http://{host}:{self.port}"

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = _TIMEOUT_S,
    ) -> Answer:
        """Send a request and return its answer, whatever its status.

        Args:
            method: The HTTP method.
            path: The path, with its query.
            body: The body; None for none.
            headers: Further headers of this request.
            timeout_s: How long to wait for the answer; None for as long as it takes.
        """
        with self._connection(timeout_s) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            given = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, given, response.read())

    def get(self, path: str, *, timeout_s: float = _TIMEOUT_S, **query: Any) -> Any:
        """Return the admin API's JSON at ``path``; parameters that are None are not sent."""
        return self._checked(self.request("GET", _admin(path, query), timeout_s=timeout_s))

    def post(
        self,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = _TIMEOUT_S,
        **query: Any,
    ) -> Any:
        """Send a change to the admin API and return the JSON that it answers.

        Args:
            path: Below the admin API.
            body: Bytes are sent as they are, a mapping as JSON, None as an empty body.
            timeout_s: How long to wait for the answer; None for as long as it takes.
            **query: The query's parameters; those that are None are not sent.
        """
        headers = {}
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        path = _admin(path, query)
        return self._checked(self.request("POST", path, body, headers, timeout_s=timeout_s))

    def call_aws(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_s: float | None = _TIMEOUT_S,
    ) -> Answer:
        """Call an operation of an AWS API and return its answer.

        Args:
            path: The path, with its query.
            body: The body.
            headers: All headers.
            timeout_s: How long to wait for the answer; None for as long as it takes.

        Raises:
            ClientError: The service answered an error (the text is its own), or something else
                than an AWS API answered.
        """
        answer = self.request("POST", path, body, headers, timeout_s=timeout_s)
        if "x-amzn-requestid" not in answer.headers:
            raise self._foreign(answer)
        if answer.status >= 300:
            raise ClientError(_error_text(answer))
        return answer

    def listens(self) -> bool:
        """Say whether something still listens at the endpoint."""
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except TimeoutError:
            return True
        except OSError:  # refused, or no such host
            return False
        return True

    def follow(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield each JSON line of an endless answer, until it ends."""
        for line in self._lines(path, query):
            if line.strip():
                yield self._parsed(line)

    def follow_events(self, path: str, **query: Any) -> Iterator[tuple[str, Any]]:
        """Yield type and data of each server-sent event of an endless answer, until it ends."""
        kind = ""
        for line in self._lines(path, query):
            name, _, value = line.strip().partition(b": ")
            if name == b"event":
                kind = value.decode()
            elif name == b"data":
                yield kind, self._parsed(value)

    def _lines(self, path: str, query: Mapping[str, Any]) -> Iterator[bytes]:
        with self._connection(_TIMEOUT_S) as connection:
            connection.request("GET", _admin(path, query))
            response = connection.getresponse()
            given = {name.lower(): value for name, value in response.getheaders()}
            if response.status != 200 or MARK not in given:
                self._checked(Answer(response.status, given, response.read()))
            yield from iter(response.readline, b"")

    def _parsed(self, line: bytes) -> Any:
        try:
            return json.loads(line)
        except ValueError as failure:
            raise ClientError(
                f"the connection to {self.endpoint} broke: run the command again"
            ) from failure

    @contextmanager
    def _connection(self, timeout_s: float | None) -> Iterator[HTTPConnection]:
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection(self.host, self.port, timeout=timeout_s)
        try:
            yield connection
        except (OSError, HTTPException) as failure:
            raise self._lost(failure) from failure
        finally:
            connection.close()

    def _checked(self, answer: Answer) -> Any:
        try:
            value = json.loads(answer.body)
        except ValueError:
            raise self._foreign(answer) from None
        if answer.status >= 400:
            reason = reason_of(value, answer.body)
            raise ClientError(f"{self.endpoint} answered {answer.status}: {reason}")
        if MARK not in answer.headers:
            raise self._foreign(answer)
        return value

    def _foreign(self, answer: Answer) -> ClientError:
        return ClientError(
            f"what answers at {self.endpoint} (status {answer.status}) is not a localfaas of "
            "this version: say where it is with --endpoint."
        )

    def _lost(self, failure: Exception) -> ClientError:
        if isinstance(failure, ConnectionRefusedError):
            return ClientError(
                f"no emulator answers at {self.endpoint}: start one with `localfaas up`, or say "
                "where it is with --endpoint."
            )
        reason = str(failure) or type(failure).__name__
        return ClientError(f"the emulator at {self.endpoint} did not answer: {reason}")


def _admin(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"/_emulator/{path}" + (f"?{urlencode(given)}" if given else "")


def reason_of(value: Any, body: bytes) -> str:
    """Return what an answer says of its error.

    Args:
        value: The answer, read as JSON.
        body: The same as bytes.
    """
    if isinstance(value, dict):
        for name in ("message", "Message", "detail"):
            found = value.get(name)
            if isinstance(found, list):
                return "; ".join(map(_wrong_parameter, found))
            if found:
                return str(found)
    return body[:300].decode("utf-8", "replace") or "nothing"


def _wrong_parameter(told: Any) -> str:
    """Return what is wrong with one parameter, as the admin API tells it."""
    if not isinstance(told, dict) or not told.get("loc") or "msg" not in told:
        return str(told)
    text = str(told["msg"])
    return f"{told['loc'][-1]}: {text[:1].lower()}{text[1:]}, not {told.get('input')!r}"


def scope_header(service: str, region: str | None, account: str | None) -> dict[str, str]:
    """Return the header that names a region and an account; no header if both are None.

    The emulator reads the scope of a signature and does not check the signature.
    """
    if region is None and account is None:
        return {}
    where = f"{account or '000000000000'}/20260101/{region or 'us-east-1'}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={where}, Signature=none"}


def _error_text(answer: Answer) -> str:
    """Return the text of an AWS error."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = None
    code = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
    if not code and isinstance(value, dict):
        code = str(value.get("__type", "")).rpartition("#")[2]
    text = reason_of(value, answer.body)
    return f"{code}: {text}" if code else text
