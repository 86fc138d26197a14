"""Which function an integration means, and waiting for it no longer than its time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from emulator.invoke.function_invoker import FunctionInvoker, PreparedInvocation
from emulator.invoke.within import within
from emulator.model.arn import parse_function_name
from emulator.model.clock import Clock
from emulator.model.invocation import InvocationResult

_URI = re.compile(
    r"arn:[^:]+:apigateway:[^:]*:lambda:path/[0-9-]+/functions/(?P<function>.+?)/"
    r"(?P<kind>invocations|response-streaming-invocations)"
)
#: Seconds that a cold start may take, with some to spare.
_BEGINNING_S = 12.0
_VARIABLE = re.compile(r"\$\{stageVariables\.([^}]+)\}")


class FunctionUri(NamedTuple):
    """A function, as an integration names it."""

    account: str
    region: str
    name: str
    qualifier: str | None
    #: The integration asks for the response as it is written.
    streams: bool = False

    async def prepare(
        self,
        functions: FunctionInvoker,
        payload: bytes,
        *,
        trace_id: str = "",
        request_id: str = "",
    ) -> PreparedInvocation:
        """Check an invocation of it; see :meth:`FunctionInvoker.prepare`.

        Raises:
            AwsError: As that.
        """
        return await functions.prepare(
            self.account,
            self.region,
            self.name,
            self.qualifier,
            payload,
            trace_id=trace_id,
            request_id=request_id,
            is_json=True,
        )


def with_variables(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its stage variables (``${stageVariables.name}``) replaced."""
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


def parse_function_uri(uri: str, account: str, region: str) -> FunctionUri | None:
    """Return the function of an integration's or authorizer's URI; None: it names none.

    Args:
        uri: ``arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<ARN>/invocations``, or
            the function's ARN. Stage variables are replaced.
        account: The API's: a function without an account is its own.
        region: The API's.
    """
    match = _URI.fullmatch(uri)
    named = parse_function_name(match["function"] if match else uri)
    if named is None or not named.name or (match is None and named.account is None):
        return None
    return FunctionUri(
        named.account or account,
        named.region or region,
        named.name,
        named.qualifier,
        match is not None and match["kind"] != "invocations",
    )


async def invoke_within(
    functions: FunctionInvoker, clock: Clock, seconds: float, prepared: PreparedInvocation
) -> InvocationResult:
    """Return the result of an invocation, if it is there within ``seconds``; see :func:`within`.

    Raises:
        TimedOut: It takes longer.
        AwsError: As :meth:`FunctionInvoker.invoke`.
    """
    if prepared.version.timeout_s + _BEGINNING_S <= seconds:
        # It ends by itself before: no timer, and no task of its own.
        return await functions.invoke(prepared)
    return await within(clock, seconds, functions.invoke(prepared))
