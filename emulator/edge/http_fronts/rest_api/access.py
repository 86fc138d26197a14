"""Who may call a method: authorizers, signatures, API keys and usage plans.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.access.policy import Effect, InvalidPolicy, evaluate
from emulator.edge.http_fronts.apis.api_keys import KeyRefused, use_key
from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.apis.signed import Unsigned, check_signed, masked
from emulator.edge.http_fronts.authorizers.base import Grant, Refused
from emulator.edge.http_fronts.authorizers.iam import signer_of
from emulator.edge.http_fronts.authorizers.jwt_tokens import InvalidToken
from emulator.edge.http_fronts.authorizers.lambda_functions import grant_of_policy
from emulator.edge.http_fronts.exchange import HttpRequest
from emulator.edge.http_fronts.invoking import parse_function_uri, with_variables
from emulator.services.apigateway.authorizers import USUAL_TTL_S
from emulator.services.apigateway.bounded import TakesTooLong, match
from emulator.services.apigateway.execution.call import GatewayFailure, MethodCall, internal
from emulator.services.apigateway.execution.expressions import context_value
from emulator.services.apigateway.execution.payload import event_of
from emulator.services.apigateway.state import Gateway

_SOURCE = re.compile(r"method\.request\.(?P<place>header|querystring|path)\.(?P<name>.+)")
_POOL = re.compile(r"arn:[^:]+:cognito-idp:(?P<region>[^:]+):[^:]*:userpool/(?P<pool>.+)")

UNAUTHORIZED = GatewayFailure("UNAUTHORIZED", "Unauthorized", "UnauthorizedException")
_NO_TOKEN = GatewayFailure(
    "MISSING_AUTHENTICATION_TOKEN",
    "Missing Authentication Token",
    "MissingAuthenticationTokenException",
)
#: The most bytes of a request's body.
LARGEST_BODY = 10 * 1024 * 1024
#: Gateway responses of refused signatures, and the names of what is refused, where they differ.
#: https://repost.aws/knowledge-center/api-gateway-troubleshoot-403-forbidden
_REFUSED_SIGNATURES = {
    "InvalidSignatureException": "INVALID_SIGNATURE",
    "ExpiredTokenException": "EXPIRED_TOKEN",
}
_FORBIDDEN = GatewayFailure("INVALID_API_KEY", "Forbidden", "ForbiddenException")
_EXCEEDED = GatewayFailure("QUOTA_EXCEEDED", "Limit Exceeded", "LimitExceededException")


class Access:
    """Decides who may call."""

    def __init__(self, room: Room, state: Gateway) -> None:
        self._room = room
        self._state = state

    async def check(self, call: MethodCall, stage: str, request: HttpRequest) -> None:
        """Let a caller pass, or not; the call's context says then who calls.

        Args:
            call: The call.
            stage: The stage's name.
            request: The call as it came; of a signed one the body is read here.

        Raises:
            GatewayFailure: The caller may not call.
            BodyTooLarge: See :meth:`HttpRequest.read`.
        """
        if not self._room.parts.settings.strict_auth:
            grant = await self._authorise(call, stage)
        elif call.method.get("authorizationType") == "AWS_IAM":
            grant = self._signed(call)
            await self._check_signed(call, stage, request)
        else:
            grant = await self._authorise_by_policy(call, stage)
        if grant.authorizer or grant.principal:
            call.context["authorizer"] = dict(grant.authorizer)
        if call.method.get("apiKeyRequired"):
            self._check_key(call, stage, grant)

    async def _check_signed(self, call: MethodCall, stage: str, request: HttpRequest) -> None:
        """Hold a signed call against its signature, its caller's policies and the API's own.

        Raises:
            GatewayFailure: One of them refuses it.
        """
        await request.read(LARGEST_BODY)
        arn, policy = method_arn(call, stage), policy_of(call)
        try:
            await check_signed(self._room.parts, request, call.account, call.region, arn, policy)
        except Unsigned as refusal:
            kind = _REFUSED_SIGNATURES.get(refusal.code, "ACCESS_DENIED")
            text = refusal.reason.replace(arn, arn.replace(call.account, masked(call.account), 1))
            raise GatewayFailure(kind, text, refusal.code) from refusal

    async def _authorise_by_policy(self, call: MethodCall, stage: str) -> Grant:
        """Let who has not signed pass as the API's policy and the authorizer say.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html

        Raises:
            GatewayFailure: One of them refuses the caller.
        """
        effect = effect_of_policy(call, stage)
        is_custom = call.method.get("authorizationType") == "CUSTOM"
        if effect == "Deny" and is_custom:
            raise refused_by_policy(call, stage, effect)
        grant = await self._authorise(call, stage)
        # What a policy leaves open, the answer of a function may allow.
        if effect != "Allow" and not is_custom:
            raise refused_by_policy(call, stage, effect)
        return grant

    # --- authorizers ---------------------------------------------------------------------------

    async def _authorise(self, call: MethodCall, stage: str) -> Grant:
        kind = call.method.get("authorizationType", "NONE")
        if kind == "AWS_IAM":
            return self._signed(call)
        if kind not in ("CUSTOM", "COGNITO_USER_POOLS"):
            return Grant()
        authorizers = call.snapshot.get("authorizers") or {}
        authorizer = authorizers.get(call.method.get("authorizerId") or "")
        if authorizer is None:
            raise _failed()
        if authorizer["type"] == "COGNITO_USER_POOLS":
            return await self._token(call, authorizer)
        try:
            return await self._asked(call, stage, authorizer)
        except Refused as refusal:
            call.say(f"Unauthorized request: {refusal.reason}")
            raise _of_refusal(refusal) from refusal

    def _signed(self, call: MethodCall) -> Grant:
        query = "&".join(f"{name}={value}" for name, value in call.query)
        signer = signer_of(call.header("authorization") or "", query, call.account)
        if signer is None:
            raise _NO_TOKEN
        call.context["identity"].update(
            accessKey=signer.access_key,
            accountId=signer.account,
            caller=signer.account,
            user=signer.account,
            userArn=signer.arn,
        )
        return Grant(account=signer.account)

    async def _asked(self, call: MethodCall, stage: str, authorizer: Mapping[str, Any]) -> Grant:
        arn = method_arn(call, stage)
        identity, event = _question(call, authorizer, arn)
        pattern = authorizer.get("identityValidationExpression")
        if authorizer["type"] == "TOKEN" and pattern:
            await self._check_token(pattern, identity[0] if identity else "")
        ttl = authorizer.get("authorizerResultTtlInSeconds", USUAL_TTL_S)
        uri = with_variables(authorizer.get("authorizerUri") or "", call.stage_variables)
        function = parse_function_uri(uri, call.account, call.region)
        if function is None:
            raise Refused(500, "the authorizer's URI names no function")
        epoch = self._state.epochs.get((call.api_id, stage), 0)
        answer = await self._room.lambda_authorizers.ask(
            function,
            event,
            key=((call.api_id, stage), epoch, authorizer["id"], identity),
            ttl_s=ttl if identity else 0,
            trace_id=call.trace_id,
        )
        context = {"aws:sourceip": str(call.context["identity"]["sourceIp"])}
        grant = grant_of_policy(answer, arn, context)
        held: dict[str, Any] = {k: _stringified(v) for k, v in grant.authorizer.items()}
        held |= {"principalId": grant.principal, "integrationLatency": 0}
        return Grant(authorizer=held, principal=grant.principal, usage_key=grant.usage_key)

    async def _check_token(self, pattern: str, token: str) -> None:
        """Hold a token against an authorizer's validation expression.

        Raises:
            Refused: 401: it does not match; 500: matching it takes too long.
        """
        try:
            fits = await match(self._room.parts, pattern, token)
        except TakesTooLong as error:
            raise Refused(500, f"the validation expression: {error}") from error
        if not fits:
            raise Refused(401, "the token does not match the validation expression")

    async def _token(self, call: MethodCall, authorizer: Mapping[str, Any]) -> Grant:
        source = authorizer.get("identitySource") or "method.request.header.Authorization"
        token = _identity(source, call)
        if not token:
            raise UNAUTHORIZED
        token = token.removeprefix("Bearer ").strip()
        pools = [_POOL.fullmatch(arn) for arn in authorizer.get("providerARNs") or []]
        issuers = [
            f"https://cognito-idp.{pool['region']}.amazonaws.com/{pool['pool']}"
            for pool in pools
            if pool is not None
        ]
        try:
            claims = await self._room.jwt.verify(token, issuers=issuers)
        except InvalidToken as error:
            call.say(f"Unauthorized request: {error}")
            if "expired" in str(error):
                raise GatewayFailure(
                    "UNAUTHORIZED", "The incoming token has expired", "UnauthorizedException"
                ) from error
            raise UNAUTHORIZED from error
        scopes = call.method.get("authorizationScopes")
        if scopes and not set(scopes) & set(str(claims.get("scope", "")).split()):
            raise UNAUTHORIZED
        shown = {name: _stringified(value) for name, value in claims.items()}
        return Grant(authorizer={"claims": shown}, principal=str(claims.get("sub", "")))

    # --- API keys ------------------------------------------------------------------------------

    def _check_key(self, call: MethodCall, stage: str, grant: Grant) -> None:
        source = call.snapshot["api"].get("apiKeySource", "HEADER")
        value = grant.usage_key if source == "AUTHORIZER" else call.header("x-api-key")
        try:
            key = use_key(
                self._state,
                value,
                account=call.account,
                region=call.region,
                api_id=call.api_id,
                stage=stage,
                method=f"{call.resource['path']}/{call.method['httpMethod']}",
            )
        except KeyRefused as refusal:
            if refusal.why == "throttled":
                raise throttled() from refusal
            raise (_FORBIDDEN if refusal.why == "invalid" else _EXCEEDED) from refusal
        call.context["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}


def policy_of(call: MethodCall) -> Mapping[str, Any] | None:
    """Return the API's resource policy; None without one.

    Raises:
        GatewayFailure: It cannot be read.
    """
    text = call.snapshot["api"].get("policy")
    try:
        found = json.loads(text) if text else None
    except (RecursionError, ValueError) as error:
        raise internal(status=500) from error
    return found if isinstance(found, dict) else None


def effect_of_policy(call: MethodCall, stage: str) -> Effect | None:
    """Return what the API's resource policy says of a caller who has not signed.

    Raises:
        GatewayFailure: It is no policy.
    """
    policy = policy_of(call)
    if policy is None:
        return "Allow"
    context = {
        "aws:sourceip": str(call.context["identity"]["sourceIp"]),
        "aws:securetransport": "false",
        "aws:useragent": call.header("user-agent") or "",
        "aws:referer": call.header("referer") or "",
    }
    try:
        return evaluate(policy, method_arn(call, stage), context=context, principals=["*"])
    except InvalidPolicy as error:
        raise internal(status=500) from error


def refused_by_policy(call: MethodCall, stage: str, effect: Effect | None) -> GatewayFailure:
    """Return the failure of a caller who has not signed and whom a policy does not let pass."""
    arn = method_arn(call, stage).replace(call.account, masked(call.account), 1)
    said = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn}"
    if effect == "Deny":
        said += " with an explicit deny"
    return GatewayFailure("ACCESS_DENIED", said, "AccessDeniedException")


def throttled() -> GatewayFailure:
    """Return the failure of a request over a rate."""
    return GatewayFailure("THROTTLED", "Too Many Requests", "TooManyRequestsException")


def method_arn(call: MethodCall, stage: str) -> str:
    """Return the ARN by which policies mean a request."""
    return (
        f"arn:aws:execute-api:{call.region}:{call.account}:{call.api_id}/{stage}/"
        f"{call.http_method}/{call.path.lstrip('/')}"
    )


def _question(
    call: MethodCall, authorizer: Mapping[str, Any], arn: str
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return who calls, and the event that asks a function about it.

    Raises:
        Refused: Nothing says who calls.
    """
    sources = [each.strip() for each in (authorizer.get("identitySource") or "").split(",")]
    values = [_identity(each, call) for each in sources if each]
    if not all(values):
        raise Refused(401, "the identity's source is empty")
    identity = tuple(each or "" for each in values)
    if authorizer["type"] == "TOKEN":
        token = identity[0] if identity else ""
        event = {"type": "TOKEN", "methodArn": arn, "authorizationToken": token}
        return identity, event
    event = {"type": "REQUEST", "methodArn": arn, **event_of(call)}
    for name in ("body", "isBase64Encoded"):
        del event[name]
    # Answers for one method may say nothing of another; AWS keeps them by identity alone.
    return identity, event


def _identity(source: str, call: MethodCall) -> str | None:
    match = _SOURCE.fullmatch(source)
    if match is not None:
        place, name = match["place"], match["name"]
        if place == "header":
            return call.header(name)
        return call.query_value(name) if place == "querystring" else call.path_parameters.get(name)
    if source.startswith("stageVariables."):
        return call.stage_variables.get(source.removeprefix("stageVariables."))
    if source.startswith("context."):
        return context_value(call.context, source.removeprefix("context."))
    return None


def _stringified(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _failed() -> GatewayFailure:
    return GatewayFailure(
        "AUTHORIZER_CONFIGURATION_ERROR", None, "AuthorizerConfigurationException"
    )


def _of_refusal(refusal: Refused) -> GatewayFailure:
    if refusal.status == 401:
        return UNAUTHORIZED
    if refusal.status == 403:
        text = "User is not authorized to access this resource"
        if refusal.policy_denied:
            text += " with an explicit deny"
        return GatewayFailure("ACCESS_DENIED", text, "AccessDeniedException")
    return _failed()
