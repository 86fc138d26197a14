"""CloudFormation's own resource types: nested stacks, custom resources, wait conditions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.stack.kinds import Call, Kind, Made, Wanted

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: Seconds between looks at a nested stack.
_LOOK_S = 0.05


class NestedStack:
    """AWS::CloudFormation::Stack."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        request = {
            **self._request(wanted),
            "StackName": wanted.name("", longest=128),
            "DisableRollback": False,
        }
        answer = await call("cloudformation", "CreateStack", request)
        return await self._ended(call, answer["StackId"], "CREATE_COMPLETE")

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        request = {**self._request(wanted), "StackName": made.physical}
        try:
            await call("cloudformation", "UpdateStack", request)
        except AwsError as error:
            if "No updates are to be performed" not in error.message:
                raise
        return await self._ended(call, made.physical, "UPDATE_COMPLETE", "CREATE_COMPLETE")

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :class:`emulator.stack.kinds.Kind`."""
        await call("cloudformation", "DeleteStack", {"StackName": made.physical})
        await self._ended(call, made.physical, "DELETE_COMPLETE")

    def _request(self, wanted: Wanted) -> dict[str, Any]:
        given = wanted.properties
        parameters = given.get("Parameters") or {}
        return {
            "TemplateURL": given.get("TemplateURL"),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": _text(value)}
                for key, value in parameters.items()
            ],
            "Tags": [{"Key": k, "Value": v} for k, v in wanted.tags.items()],
            "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "NotificationARNs": given.get("NotificationARNs"),
        }

    async def _ended(self, call: Call, stack_id: str, *good: str) -> Made:
        while True:
            answer = await call("cloudformation", "DescribeStacks", {"StackName": stack_id})
            stack = answer["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            await asyncio.sleep(_LOOK_S)
        if stack["StackStatus"] not in good:
            raise AwsError(
                "ValidationError",
                f"Embedded stack {stack_id} was not successfully"
                f" {'deleted' if good == ('DELETE_COMPLETE',) else 'created or updated'}:"
                f" {stack.get('StackStatusReason', stack['StackStatus'])}",
            )
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs") or []}
        return Made(physical=stack_id, attributes={"Outputs": outputs})


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class WaitConditionHandle:
    """AWS::CloudFormation::WaitConditionHandle: an address that takes signals."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        physical = f"https://cloudformation-waitcondition-{call.region}.s3.amazonaws.com/" + (
            f"{wanted.stack_id}/{wanted.logical}"
        )
        return Made(physical=physical)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :class:`emulator.stack.kinds.Kind`."""


class CustomResource:
    """``Custom::…`` and AWS::CloudFormation::CustomResource: a function makes the resource.

    The function's answer is what it returns, or what it puts to the address it is given.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
    template-custom-resources.html
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        answer = await self._ask(call, "Create", wanted, {})
        return self._made(answer, wanted)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        more = {"PhysicalResourceId": made.physical, "OldResourceProperties": dict(before)}
        answer = await self._ask(call, "Update", wanted, more)
        return self._made({"PhysicalResourceId": made.physical, **answer}, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :class:`emulator.stack.kinds.Kind`."""
        wanted = Wanted(
            kind="AWS::CloudFormation::CustomResource",
            logical=str(made.attributes.get(".logical", "")),
            properties=properties,
            stack_name="",
            stack_id=str(made.attributes.get(".stack", "")),
            seed="",
        )
        await self._ask(call, "Delete", wanted, {"PhysicalResourceId": made.physical})

    def _made(self, answer: Mapping[str, Any], wanted: Wanted) -> Made:
        data = answer.get("Data") if isinstance(answer.get("Data"), Mapping) else {}
        return Made(
            physical=str(answer.get("PhysicalResourceId") or wanted.name("")),
            attributes={
                **(data or {}),
                ".logical": wanted.logical,
                ".stack": wanted.stack_id,
            },
        )

    async def _ask(
        self, call: Call, request_type: str, wanted: Wanted, more: Mapping[str, Any]
    ) -> dict[str, Any]:
        token = str(wanted.properties.get("ServiceToken", ""))
        if not token.startswith("arn:") or ":function:" not in token:
            raise AwsError("ValidationError", f"Invalid service token: {token or '(none)'}")
        request = {
            "RequestType": request_type,
            "ServiceToken": token,
            "ResponseURL": "",
            "StackId": wanted.stack_id,
            "RequestId": new_request_id(),
            "LogicalResourceId": wanted.logical,
            "ResourceType": wanted.kind,
            "ResourceProperties": dict(wanted.properties),
            **more,
        }
        result = await call(
            "lambda", "Invoke", {"FunctionName": token, "Payload": orjson.dumps(request)}
        )
        payload = result["Payload"]
        answer = orjson.loads(payload) if payload else None
        if result.get("FunctionError"):
            raise AwsError("ValidationError", f"Received response status [FAILED] from custom"
                           f" resource. Message returned: {answer}")  # fmt: skip
        if not isinstance(answer, dict):
            answer = {}
        if answer.get("Status") == "FAILED":
            raise AwsError(
                "ValidationError",
                "Received response status [FAILED] from custom resource. Message returned:"
                f" {answer.get('Reason', '')}",
            )
        return answer


KINDS: dict[str, Kind] = {
    "AWS::CloudFormation::Stack": NestedStack(),
    "AWS::CloudFormation::WaitConditionHandle": WaitConditionHandle(),
}
