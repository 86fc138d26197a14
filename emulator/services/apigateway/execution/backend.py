"""What an integration that maps requests calls: HTTP endpoints and AWS services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

import orjson

from emulator.invoke.function_invoker import PreparedInvocation
from emulator.invoke.http_client import HttpFailure, fetch
from emulator.model.arn import function_arn, parse_function_name
from emulator.model.errors import AwsError
from emulator.services.apigateway.execution.aws_calls import AwsRequest, send
from emulator.services.apigateway.execution.call import (
    GatewayFailure,
    MethodCall,
    Pairs,
    internal,
)

_URI = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+):(?:(?P<sub>[^:.]*)\.)?(?P<service>[^:]+):"
    r"(?P<form>path|action)/(?P<rest>.*)",
    re.DOTALL,
)
_FUNCTION = re.compile(
    r"\d{4}-\d\d-\d\d/functions/(?P<function>.+)/"
    r"(?P<kind>invocations|response-streaming-invocations)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\$\{stageVariables\.([^}]+)\}")
#: Services whose names in integrations are not those in signatures.
_SIGNED_AS = {"monitoring": "monitoring", "cloudwatch": "monitoring"}
#: The most bytes of a request and of an answer.
LARGEST = 10 * 1024 * 1024


class Reply(NamedTuple):
    """What an integration answers."""

    status: int
    headers: Pairs
    body: bytes
    #: What selection patterns are held against.
    selected_by: str


class Target(NamedTuple):
    """A function, as an integration names it."""

    account: str
    region: str
    name: str
    qualifier: str | None
    streams: bool

    @property
    def arn(self) -> str:
        """Its ARN."""
        return function_arn(self.account, self.region, self.name, self.qualifier or "")


def with_variables(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its stage variables replaced."""
    return _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


def function_of(uri: str, call: MethodCall) -> Target | None:
    """Return the function that a URI names; None where it names another service.

    Raises:
        GatewayFailure: It names a function that cannot be.
    """
    match = _URI.fullmatch(with_variables(uri, call.stage_variables))
    if match is None or match["service"] != "lambda":
        return None
    function = _FUNCTION.fullmatch(match["rest"])
    if function is None:
        return None
    named = parse_function_name(function["function"])
    if named is None or not named.name:
        raise internal()
    return Target(
        named.account or call.account,
        named.region or match["region"],
        named.name,
        named.qualifier,
        function["kind"] != "invocations",
    )


async def prepare(call: MethodCall, target: Target, payload: bytes) -> PreparedInvocation:
    """Check an invocation of an integration's function.

    Raises:
        GatewayFailure: There is no such function, or it does not run.
    """
    try:
        return await call.parts.functions.prepare(
            target.account,
            target.region,
            target.name,
            target.qualifier,
            payload,
            trace_id=call.trace_id,
            is_json=True,
        )
    except AwsError as error:
        raise of_lambda(call, error) from error


def of_lambda(call: MethodCall, error: AwsError) -> GatewayFailure:
    """Return what the gateway answers where Lambda refuses an invocation."""
    call.say(f"Execution failed due to configuration error: {error.message}")
    if error.status == 413 or error.code == "RequestEntityTooLargeException":
        return GatewayFailure(
            "REQUEST_TOO_LARGE", "Request Too Long", "RequestTooLargeException", status=413
        )
    # AWS answers a throttled function with 500 as well.
    return internal("API_CONFIGURATION_ERROR")


async def invoke(call: MethodCall, target: Target, body: str, headers: Mapping[str, str]) -> Reply:
    """Invoke a function with a mapped request.

    Raises:
        GatewayFailure: It cannot be invoked, or its request is no JSON.
    """
    payload = body.encode("utf-8", "surrogatepass")
    if headers.get("x-amz-invocation-type", "").lower() == "event":
        request = {
            "FunctionName": target.name,
            "Qualifier": target.qualifier,
            "InvocationType": "Event",
            "Payload": payload,
        }
        try:
            await call.parts.table.call(
                "lambda", "Invoke", request, account=target.account, region=target.region
            )
        except AwsError as error:
            raise of_lambda(call, error) from error
        return Reply(202, [], b"", "")
    prepared = await prepare(call, target, payload)
    try:
        result = await call.parts.functions.invoke(prepared)
    except AwsError as error:
        raise of_lambda(call, error) from error
    text = ""
    if result.function_error:
        try:
            said = orjson.loads(result.payload)
            text = str(said.get("errorMessage") or "") if isinstance(said, dict) else ""
        except orjson.JSONDecodeError:
            text = ""
        text = text or "Unhandled"
    content = (("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST"))
    return Reply(200, list(content), result.payload, text)


async def http(
    call: MethodCall, method: str, url: str, headers: Pairs, body: bytes, timeout_s: float
) -> Reply:
    """Send a request to an HTTP endpoint.

    Raises:
        GatewayFailure: It does not answer.
    """
    try:
        answer = await fetch(method, url, headers, body, timeout_s=timeout_s, most=LARGEST)
    except HttpFailure as error:
        raise unreachable(call, error) from error
    return Reply(answer.status, list(answer.headers), answer.body, str(answer.status))


def unreachable(call: MethodCall, error: HttpFailure) -> GatewayFailure:
    """Return the failure of an endpoint that does not answer."""
    call.say(f"Execution failed due to a network error communicating with endpoint: {error}")
    if str(error).startswith("no answer within"):
        return timed_out()
    return GatewayFailure(
        "INTEGRATION_FAILURE",
        "Network error communicating with endpoint",
        "InternalServerErrorException",
    )


def timed_out() -> GatewayFailure:
    """Return the failure of an integration that takes too long."""
    return GatewayFailure(
        "INTEGRATION_TIMEOUT", "Endpoint request timed out", "InternalServerErrorException"
    )


async def aws(
    call: MethodCall,
    uri: str,
    method: str,
    path: Mapping[str, str],
    query: Pairs,
    headers: Pairs,
    body: bytes,
) -> Reply:
    """Send a request to an AWS service that is served here.

    Args:
        call: The request to the method.
        uri: The integration's.
        method: The integration's.
        path: What replaces the variables of the URI's path.
        query: The query that was mapped.
        headers: The headers that were mapped.
        body: The body that was mapped.

    Raises:
        GatewayFailure: The service is not served.
    """
    match = _URI.fullmatch(with_variables(uri, call.stage_variables))
    if match is None:
        raise internal()
    lower = {name.lower(): value for name, value in headers}
    service = _SIGNED_AS.get(match["service"], match["service"])
    if match["form"] == "action":
        name, _, rest = match["rest"].partition("&")
        target, sent, content = _action(call, service, name, rest, query, body)
        lower.update(content)
        request = AwsRequest(service, method, "/", target, lower, sent)
    else:
        where = quote(filled(match["rest"], path), safe="/%-._~!$&'()*+,;=:@")
        if match["sub"]:
            where = f"{match['sub']}/{where}"
        request = AwsRequest(service, method, f"/{where}", urlencode(query), lower, body)
    if body and "content-type" not in request.headers:
        lower["content-type"] = "application/json"
    lower.setdefault("host", "localhost")
    lower["content-length"] = str(len(request.body))
    try:
        status, answers, content_ = await send(call.parts, request, call.account, match["region"])
    except LookupError as error:
        call.say(f"Execution failed: localfaas does not serve {service}")
        raise internal("API_CONFIGURATION_ERROR") from error
    return Reply(status, answers, content_, str(status))


def _action(
    call: MethodCall, service: str, name: str, rest: str, query: Pairs, body: bytes
) -> tuple[str, bytes, dict[str, str]]:
    """Return query, body and headers of a request that names its operation.

    A service that speaks query takes it as a form; one that speaks JSON, in X-Amz-Target.
    """
    found = next(
        (
            each.spec
            for each in call.parts.table.services  # type: ignore[attr-defined]
            if service in each.spec.signing_names
        ),
        None,
    )
    if found is not None and found.target_prefix and "query" not in found.protocols[:1]:
        version = (
            "1.0" if found.target_prefix.startswith(("Dyn", "AWSStep", "AmazonSQS")) else "1.1"
        )
        return (
            "",
            body or b"{}",
            {
                "x-amz-target": f"{found.target_prefix}.{name}",
                "content-type": f"application/x-amz-json-{version}",
            },
        )
    pairs: Pairs = [("Action", name)]
    if found is not None and found.query_version:
        pairs.append(("Version", found.query_version))
    text = urlencode([*pairs, *query]) + (f"&{rest}" if rest else "")
    return (
        "",
        (text + ("&" + body.decode("utf-8", "replace") if body else "")).encode(),
        {"content-type": "application/x-www-form-urlencoded"},
    )


def filled(text: str, path: Mapping[str, str]) -> str:
    """Return a path with its variables in braces replaced."""
    return re.sub(r"\{([^{}+]+)\+?\}", lambda match: str(path.get(match[1], match[0])), text)
