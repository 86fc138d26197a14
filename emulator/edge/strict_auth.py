"""Refuses what AWS would refuse: the work of ``--strict-auth``.

A caller with the credentials of a function, of an assumed role or of a user may do what that
principal's policies, or the resource's own, allow. A caller whose access key is an account number
is that account's root user, as everywhere here, and may do all. Signatures are checked where the
secret can be known: of all credentials that this emulator has issued, in version 4.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

from emulator.access.decision import EVERYTHING, Asked, Granted, decide, decide_across
from emulator.edge.router import SIGNED_PATH, Scope
from emulator.model import credentials
from emulator.model.errors import AwsError
from emulator.services.authorization import Rules
from emulator.services.context import Context
from emulator.services.iam.callers import (
    ANYBODY,
    Caller,
    SessionIsOver,
    UnknownCaller,
    caller_of,
)
from emulator.services.service import Service

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/]+)/(?P<scope>[^,\s]+)\s*,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]+)"
)
_ACCOUNT = re.compile(r"\d{12}")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS"
    " Secret Access Key and signing method. Consult the service documentation for details."
)


class RequestLine(NamedTuple):
    """What a signature is of, beside headers and body."""

    method: str
    #: As it was sent.
    path: str
    query: str


class StrictAuth:
    """Decides on every request, before its operation runs."""

    async def check(
        self,
        service: Service,
        context: Context,
        request: Mapping[str, Any],
        scope: Scope,
        body: bytes | None,
    ) -> None:
        """Refuse a request that its caller may not make.

        Args:
            service: What it is for.
            context: The request's context.
            request: The request, by the names of the model's members.
            scope: The request's scope.
            body: Its body; None for one that streams.

        Raises:
            AwsError: AccessDenied and its like (403).
        """
        rules = _rules_of(service)
        key, token = _check_signature(context.request_headers, _line_of(scope), body, rules)
        if not key and context.operation in rules.unsigned:
            return
        if not key and not rules.anonymous:
            raise AwsError(
                "MissingAuthenticationTokenException", "Missing Authentication Token", status=403
            )
        caller = await _caller(context, key, token, service.spec.protocols)
        if caller.granted is None:
            return
        keys = {**_keys_of(context, caller), **rules.keys(context, request)}
        for resource in rules.resources(context, request):
            policy = await rules.policy(context, resource)
            for action in rules.actions_of(_undated(context.operation)):
                asked = Asked(
                    action=action,
                    resource=resource,
                    context=keys,
                    principals=caller.principals,
                    policy=policy,
                )
                decision = decide(caller.granted, asked)
                if not decision.allowed:
                    quoted = f'"{resource}"' if rules.quotes else resource
                    raise AwsError(
                        rules.denied or _code(service),
                        f"User: {caller.arn} is not authorized to perform: {action} on resource:"
                        f" {quoted} {decision.reason}",
                        status=403,
                    )

    async def check_call(
        self,
        context: Context,
        scope: Scope,
        body: bytes,
        action: str,
        resource: str,
        *,
        policy: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse a signed request that is for no service but for an API of the user's.

        Args:
            context: The request's context, with the account of the API.
            scope: The request's scope.
            body: Its body.
            action: What it does: "execute-api:Invoke".
            resource: The ARN of what it is done to.
            policy: The API's own policy; None without one.

        Raises:
            AwsError: AccessDenied and its like (403).
        """
        rules = Rules(prefix=action.partition(":")[0])
        key, token = _check_signature(context.request_headers, _line_of(scope), body, rules)
        account = key if _ACCOUNT.fullmatch(key) else credentials.account_of(key)
        own = replace(context, account=account or context.account)
        caller = await _caller(own, key, token, ("rest-json",))
        source = (scope.get("client") or ("127.0.0.1", 0))[0]
        asked = Asked(
            action=action,
            resource=resource,
            context={**_keys_of(own, caller), "aws:sourceip": source},
            principals=caller.principals,
            policy=policy,
        )
        granted = caller.granted or Granted(identity=(EVERYTHING,))
        is_own = own.account == context.account
        decision = decide(granted, asked) if is_own else decide_across(granted, asked)
        if not decision.allowed:
            text = f"User: {caller.arn} is not authorized to perform: {action} on resource: "
            raise AwsError(
                "AccessDeniedException", f"{text}{resource} {decision.reason}", status=403
            )


def _line_of(scope: Scope) -> RequestLine:
    """Return what a request's signature is of: its path as it was sent, wherever it leads."""
    path: bytes = scope.get(SIGNED_PATH) or scope["raw_path"]
    query: bytes = scope["query_string"]
    # The handshake of a WebSocket is a GET.
    return RequestLine(scope.get("method", "GET"), path.decode("latin-1"), query.decode("latin-1"))


def _keys_of(context: Context, caller: Caller) -> dict[str, str]:
    keys = {
        "aws:currenttime": datetime.fromtimestamp(context.clock.now(), UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        "aws:principalaccount": context.account,
        "aws:principalarn": caller.principals[0] if caller.principals else "",
        "aws:requestedregion": context.region,
        "aws:securetransport": "false",
        "aws:sourceaccount": context.account,
        "aws:sourceip": "127.0.0.1",
        "aws:username": caller.name,
        "aws:useragent": context.user_agent,
    }
    if caller.principals == ANYBODY:
        # Who has not signed is of no account.
        del keys["aws:principalaccount"], keys["aws:principalarn"]
    return keys


def _rules_of(service: Service) -> Rules:
    if "authorization" in service.spec.modules:
        rules: Rules = service.module("authorization").RULES
        return rules
    return Rules(prefix=service.spec.signing_names[0])


def _undated(operation: str) -> str:
    """Return an operation's name without the version that some have in theirs."""
    return re.sub(r"\d{8}(?:v\d)?$", "", operation)


def _code(service: Service) -> str:
    query = service.spec.protocols[0] in ("query", "rest-xml")
    return "AccessDenied" if query else "AccessDeniedException"


async def _caller(context: Context, key: str, token: str, protocols: Sequence[str]) -> Caller:
    """Return who has signed a request.

    Raises:
        AwsError: Nobody has; in the words of a service of these protocols.
    """
    try:
        return await caller_of(context, key, token)
    except UnknownCaller as unknown:
        raise _unknown(unknown, protocols) from unknown


def _unknown(unknown: UnknownCaller, protocols: Sequence[str]) -> AwsError:
    """Return what a service of these protocols answers to who is nobody, or nobody any more.

    https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    is_over = isinstance(unknown, SessionIsOver)
    if protocols[0] == "rest-xml" and is_over:
        return AwsError("ExpiredToken", "The provided token has expired.", status=400)
    if protocols[0] == "rest-xml":
        text = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", text, status=403)
    text = f"The security token included in the request is {'expired' if is_over else 'invalid.'}"
    if "query" in protocols:
        return AwsError("ExpiredToken" if is_over else "InvalidClientTokenId", text, status=403)
    code = "ExpiredTokenException" if is_over else "UnrecognizedClientException"
    return AwsError(code, text, status=400 if protocols[0] == "json" else 403)


# -- signatures ---------------------------------------------------------------------------------


def _check_signature(
    headers: Mapping[str, str], line: RequestLine, body: bytes | None, rules: Rules
) -> tuple[str, str]:
    """Return the access key and the session token of a request; "" where it has none.

    Raises:
        AwsError: The signature is not that of the key's secret.
    """
    query = dict(parse_qsl(line.query, keep_blank_values=True))
    if "X-Amz-Signature" in query:
        key, _, scope = query.get("X-Amz-Credential", "").partition("/")
        parts = (key, scope, query.get("X-Amz-SignedHeaders", ""), query["X-Amz-Signature"])
        date, token = query.get("X-Amz-Date", ""), query.get("X-Amz-Security-Token", "")
    else:
        match = _SIGNED.match(headers.get("authorization", ""))
        if match is None:
            # Signatures of version 2 are believed: S3 alone still takes them, in old URLs.
            return query.get("AWSAccessKeyId", ""), query.get("x-amz-security-token", "")
        parts = (match["key"], match["scope"], match["headers"], match["signature"])
        date = headers.get("x-amz-date", "")
        token = headers.get("x-amz-security-token", "")
    key, scope, signed, signature = parts
    secret = credentials.secret_of(key)
    # Of a body that streams without its hash nothing is known to hold the signature against.
    is_known = body is not None or "x-amz-content-sha256" in headers or "X-Amz-Signature" in query
    if secret is not None and is_known:
        wanted = _signature(secret, scope, signed.split(";"), date, headers, line, body, rules)
        if not hmac.compare_digest(wanted, signature):
            raise AwsError(rules.mismatched, _MISMATCH, status=403)
    return key, token


def _signature(
    secret: str,
    scope: str,
    signed: list[str],
    date: str,
    headers: Mapping[str, str],
    line: RequestLine,
    body: bytes | None,
    rules: Rules,
) -> str:
    """Return the signature of a request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    pairs = [
        (name, value)
        for name, value in parse_qsl(line.query, keep_blank_values=True)
        if name != "X-Amz-Signature"
    ]
    query = "&".join(sorted(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in pairs))
    path = line.path if rules.signs_paths_as_sent else quote(line.path, safe="/-_.~")
    presigned = "X-Amz-Signature" in line.query
    payload = headers.get("x-amz-content-sha256") or (
        "UNSIGNED-PAYLOAD" if presigned else hashlib.sha256(body or b"").hexdigest()
    )
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed]
    canonical = "\n".join((line.method, path or "/", query, *lines, "", ";".join(signed), payload))
    text = "\n".join(
        ("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()
