"""Functions that say who may call: asked once, and remembered for as long as the authorizer says.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
and …/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any

import orjson

from emulator.access.policy import InvalidPolicy, evaluate
from emulator.edge.http_fronts.authorizers.base import Grant, Refused
from emulator.edge.http_fronts.invoking import FunctionUri
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.invoke.within import TimedOut, within
from emulator.model.clock import Clock
from emulator.model.errors import AwsError

#: Answers that are remembered, of all authorizers together.
_REMEMBERED = 10_000
#: Seconds that an authorizer may take.
_LATE_S = 10.0


class LambdaAuthorizers:
    """Asks functions who may call."""

    def __init__(self, functions: FunctionInvoker, clock: Clock) -> None:
        self._functions = functions
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[float, Mapping[str, Any]]] = OrderedDict()

    async def ask(
        self,
        function: FunctionUri,
        event: Mapping[str, Any],
        *,
        key: Hashable,
        ttl_s: float,
        timeout_s: float = _LATE_S,
        trace_id: str = "",
    ) -> Mapping[str, Any]:
        """Return what a function says of a caller: its own words, or those it has said before.

        Args:
            function: Whom to ask.
            event: What to ask.
            key: The authorizer and the identity, for which an answer stands.
            ttl_s: Seconds for which it stands; 0 asks each time.
            timeout_s: Seconds that the function may take.
            trace_id: The trace that goes on.

        Raises:
            Refused: 401: the function says so ("Unauthorized"); 500: it failed, or said no object.
        """
        now = self._clock.monotonic()
        if ttl_s:
            known = self._answers.get(key)
            if known is not None and now < known[0]:
                return known[1]
        answer = await self._ask(function, event, timeout_s, trace_id)
        if ttl_s:
            self._answers[key] = (now + ttl_s, answer)
            self._answers.move_to_end(key)
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return answer

    async def _ask(
        self, function: FunctionUri, event: Mapping[str, Any], timeout_s: float, trace_id: str
    ) -> Mapping[str, Any]:
        try:
            prepared = await function.prepare(
                self._functions, orjson.dumps(event), trace_id=trace_id
            )
            result = await within(self._clock, timeout_s, self._functions.invoke(prepared))
        except AwsError as error:
            raise Refused(500, f"the authorizer could not be asked: {error}") from error
        except TimedOut as error:
            raise Refused(500, "the authorizer took too long") from error
        try:
            answer = orjson.loads(result.payload)
        except ValueError:
            answer = None
        if result.function_error:
            said = answer.get("errorMessage") if isinstance(answer, Mapping) else None
            if said == "Unauthorized":
                raise Refused(401, "the authorizer said: Unauthorized")
            raise Refused(500, f"the authorizer failed: {said}")
        if not isinstance(answer, Mapping):
            raise Refused(500, "the authorizer returned no object")
        return answer


def grant_of_policy(answer: Mapping[str, Any], arn: str, context: Mapping[str, str]) -> Grant:
    """Return the caller of an answer with a policy, if it lets the caller call.

    Args:
        answer: With ``principalId``, ``policyDocument``, ``context``, ``usageIdentifierKey``.
        arn: Of what is called: ``arn:aws:execute-api:…:api/stage/METHOD/path``.
        context: The values of condition keys; see ``policy.evaluate``.

    Returns:
        A grant whose ``authorizer`` is the answer's context.

    Raises:
        Refused: 403: the policy does not allow it; 500: the answer has no policy or no principal.
    """
    found = answer.get("context")
    held = dict(found) if isinstance(found, Mapping) else {}
    principal = answer.get("principalId")
    if not isinstance(principal, str) or not principal:
        raise Refused(500, "the authorizer named no principalId")
    if any(isinstance(value, (dict, list)) for value in held.values()):
        raise Refused(500, "the authorizer's context has more than texts, numbers and booleans")
    try:
        effect = evaluate(answer.get("policyDocument") or {}, arn, context=context)
    except InvalidPolicy as error:
        raise Refused(500, f"the authorizer returned no policy: {error}") from error
    if effect != "Allow":
        raise Refused(403, f"the policy does not allow {arn}", policy_denied=effect == "Deny")
    usage_key = answer.get("usageIdentifierKey")
    return Grant(
        authorizer=held,
        principal=principal,
        usage_key=usage_key if isinstance(usage_key, str) else "",
    )
