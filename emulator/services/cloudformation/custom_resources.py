"""``Custom::…`` and AWS::CloudFormation::CustomResource: a function makes the resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.targets import Delivery, DeliveryError
from emulator.model.errors import AwsError, LocalfaasError
from emulator.services.cloudformation.answers import Answers
from emulator.stack.kinds import Call, Made, ServiceKind, Wanted

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: The most bytes of an answer.
_LARGEST_ANSWER = 4096
#: Seconds that a function has to answer, unless ServiceTimeout says otherwise.
_PATIENCE_S = 3600
_LOGICAL, _STACK, NO_ECHO = ".logical", ".stack", ".noEcho"


class CreateFailed(AwsError):
    """A resource was not created, and yet something must be removed.

    Args:
        made: What has to be removed.
    """

    def __init__(self, message: str, made: Made) -> None:
        super().__init__("ValidationError", message)
        self.made = made


class CustomResource(ServiceKind):
    """A resource that a function makes.

    The function gets an address with each request, and puts its answer there.
    """

    waits = True

    def __init__(self, parts: Parts, answers: Answers) -> None:
        self._parts, self._answers = parts, answers

    async def create(self, call: Call, wanted: Wanted) -> Made:
        answer: dict[str, Any] = {}
        try:
            await self._ask(call, "Create", wanted, {}, answer)
            return self._made(answer, wanted)
        except AwsError as error:
            # As on AWS, the function is asked to delete what it could not create.
            physical = answer.get("PhysicalResourceId")
            if not physical or not isinstance(physical, str):
                physical = wanted.name("")
            failed = self._made({**answer, "PhysicalResourceId": physical}, wanted)
            raise CreateFailed(error.message, failed) from error

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        more = {
            "PhysicalResourceId": made.physical,
            "OldResourceProperties": _as_texts(before),
        }
        answer: dict[str, Any] = {}
        await self._ask(call, "Update", wanted, more, answer)
        return self._made(answer, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        stack_id = str(made.attributes.get(_STACK, ""))
        wanted = Wanted(
            kind=str(made.attributes.get(".kind", "AWS::CloudFormation::CustomResource")),
            logical=str(made.attributes.get(_LOGICAL, "")),
            properties=properties,
            stack_name=stack_id.partition("/")[2].partition("/")[0],
            stack_id=stack_id,
            seed="",
        )
        await self._ask(call, "Delete", wanted, {"PhysicalResourceId": made.physical}, {})

    def _made(self, answer: Mapping[str, Any], wanted: Wanted) -> Made:
        physical = answer.get("PhysicalResourceId")
        if not physical or not isinstance(physical, str):
            raise AwsError("ValidationError", "Invalid PhysicalResourceId")
        data = answer.get("Data")
        return Made(
            physical=physical,
            attributes={
                **(data if isinstance(data, Mapping) else {}),
                ".kind": wanted.kind,
                _LOGICAL: wanted.logical,
                _STACK: wanted.stack_id,
                NO_ECHO: answer.get("NoEcho") is True,
            },
        )

    async def _ask(
        self,
        call: Call,
        request_type: str,
        wanted: Wanted,
        more: Mapping[str, Any],
        answer: dict[str, Any],
    ) -> None:
        """Send a request, and wait for its answer, which goes into ``answer``.

        Raises:
            AwsError: It failed, or there was no answer in time.
        """
        token = str(wanted.properties.get("ServiceToken", ""))
        patience_s = _patience(wanted.properties.get("ServiceTimeout"))
        # The address for answers is known once functions can run.
        await self._parts.pools.opened.wait()
        request_id, path, answered = self._answers.expect()
        request = {
            "RequestType": request_type,
            "ServiceToken": token,
            "ResponseURL": f"{self._parts.table.sandbox_endpoint}{path}",
            "StackId": wanted.stack_id,
            "RequestId": request_id,
            "LogicalResourceId": wanted.logical,
            "ResourceType": wanted.kind,
            "ResourceProperties": _as_texts(wanted.properties),
            **more,
        }
        timer = self._parts.clock.call_later(patience_s, _give_up, answered, request_id)
        asked = asyncio.ensure_future(self._send(call, token, request, answered))
        try:
            body = await answered
        finally:
            timer.cancel()
            answered.cancel()
            if not asked.done() and asyncio.current_task() is not None:
                # A function may go on after it has answered; only who is given up, ends it.
                self._parts.background.add(asked)
                asked.add_done_callback(self._parts.background.discard)
        answer.update(_read(body))
        if answer.get("Status") != "SUCCESS":
            reason = answer.get("Reason") or "See the details in CloudWatch Log Stream"
            raise AwsError(
                "ValidationError",
                "Received response status [FAILED] from custom resource. Message returned:"
                f" {reason} (RequestId: {request_id})",
            )

    async def _send(
        self, call: Call, token: str, request: Mapping[str, Any], answered: asyncio.Future[bytes]
    ) -> None:
        """Hand a request to its function; what is wrong with that ends the wait."""
        payload = orjson.dumps(request)
        try:
            if not token.startswith("arn:") and ":" in token:
                raise _refused(f"Invalid service token: {token}")
            if ":sns:" in token:
                await self._publish(token, payload)
                return
            if not token:
                raise _refused("ServiceToken is missing")
            result = await call("lambda", "Invoke", {"FunctionName": token, "Payload": payload})
        except (LocalfaasError, LookupError) as error:
            _fail(answered, getattr(error, "message", None) or str(error))
            return
        if result.get("FunctionError"):
            # AWS tries it again twice, and then waits for ServiceTimeout.
            told = _told(bytes(result["Payload"] or b""))
            _fail(answered, f"The function of the custom resource failed: {told}")
        elif not answered.done():
            self._parts.console.info(
                f"{request['LogicalResourceId']}: the function {token.rpartition(':')[2]} has"
                " ended and put no answer to its ResponseURL yet; the stack waits for it"
            )

    async def _publish(self, token: str, payload: bytes) -> None:
        if not self._parts.targets.serves(token):
            raise _refused(
                f"localfaas serves custom resources by functions; it has no topics, such as {token}"
            )
        try:
            await self._parts.targets.deliver(token, Delivery(payload=payload))
        except DeliveryError as error:
            raise _refused(str(error)) from error


def _refused(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _patience(value: Any) -> float:
    if value is None:
        return _PATIENCE_S
    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= _PATIENCE_S:
        raise _refused(f"ServiceTimeout must be a number from 1 to {_PATIENCE_S}, not {text}")
    return int(text)


def _give_up(answered: asyncio.Future[bytes], request_id: str) -> None:
    _fail(
        answered,
        "CloudFormation did not receive a response from your Custom Resource. Please check your"
        f" logs for requestId [{request_id}]. If you are using the Python cfn-response module, you"
        " may need to update your Lambda function so that CloudFormation can attach the updated"
        " version.",
    )


def _told(payload: bytes) -> str:
    """Return what a function's error says, without its trace."""
    text = payload.decode("utf-8", "replace")
    try:
        error = orjson.loads(payload)
        text = f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, TypeError, KeyError):
        pass
    return text[:1000]


def _fail(answered: asyncio.Future[bytes], message: str) -> None:
    if not answered.done():
        answered.set_exception(_refused(message))


def _read(body: bytes) -> dict[str, Any]:
    """Return an answer.

    Raises:
        AwsError: It is none.
    """
    if len(body) > _LARGEST_ANSWER:
        raise _refused("Response object is too long.")
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise _refused("Response is not valid JSON")
    if answer.get("Status") not in ("SUCCESS", "FAILED"):
        raise _refused(f"Invalid response status: {answer.get('Status')}")
    return answer


def _as_texts(value: Any) -> Any:
    """Return properties as functions get them: every scalar is text."""
    if isinstance(value, Mapping):
        return {key: _as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_texts(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)
