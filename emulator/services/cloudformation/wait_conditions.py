"""Wait conditions: a stack that goes on when it has been told so.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-waitcondition.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.model.errors import AwsError
from emulator.services.cloudformation.answers import HANDLE, SIGNALS, Answers
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack.kinds import Call, Made, ServiceKind, Wanted

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: The most seconds of a timeout.
_LONGEST_S = 43_200


class WaitConditionHandle(ServiceKind):
    """AWS::CloudFormation::WaitConditionHandle: an address that takes signals."""

    def __init__(self, parts: Parts, store: StackStore) -> None:
        self._parts, self._store = parts, store

    async def create(self, call: Call, wanted: Wanted) -> Made:
        stack = self._store.by_id(wanted.stack_id)
        assert stack is not None
        await self._parts.pools.opened.wait()
        path = Answers.signal_path(stack, wanted.logical)
        return Made(
            physical=f"{self._parts.table.sandbox_endpoint}{path}", attributes={SIGNALS: {}}
        )

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """It was a note of the stack, no more."""


class WaitCondition(ServiceKind):
    """AWS::CloudFormation::WaitCondition: as many signals as it counts, within a time."""

    waits = True

    def __init__(self, parts: Parts, store: StackStore, answers: Answers) -> None:
        self._parts, self._store, self._answers = parts, store, answers

    async def create(self, call: Call, wanted: Wanted) -> Made:
        stack = self._store.by_id(wanted.stack_id)
        assert stack is not None
        handle = _handle(stack, str(wanted.properties.get("Handle") or ""))
        count = _number(wanted.properties, "Count", 1, 10_000)
        patience_s = _number(wanted.properties, "Timeout", None, _LONGEST_S)
        task = asyncio.current_task()
        over = [False]

        def give_up() -> None:
            over[0] = True
            assert task is not None
            task.cancel()

        timer = self._parts.clock.call_later(patience_s, give_up)
        try:
            while (data := _complete(handle, count)) is None:
                await self._answers.next_signal(stack, handle.logical)
        except asyncio.CancelledError:
            if not over[0]:
                raise
            assert task is not None
            task.uncancel()
            there = len(handle.attributes[SIGNALS])
            raise _refused(
                f"WaitCondition timed out. Received {there} conditions when expecting {count}"
            ) from None
        finally:
            timer.cancel()
        text = orjson.dumps(data).decode()
        return Made(physical=f"{wanted.stack_id}/{handle.logical}", attributes={"Data": text})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        raise _refused(f"Update to resource type {wanted.kind} is not supported.")

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """It was a note of the stack, no more."""


def _handle(stack: Stack, url: str) -> Resource:
    for resource in stack.resources.values():
        if resource.kind == HANDLE and resource.physical == url:
            return resource
    raise _refused(f"Invalid wait condition handle: {url or '(none)'}")


def _complete(handle: Resource, count: int) -> dict[str, Any] | None:
    """Return the signals' data by their ids once there are enough.

    Raises:
        AwsError: One says that something failed.
    """
    signals: Mapping[str, Mapping[str, Any]] = handle.attributes[SIGNALS]
    for unique_id, signal in signals.items():
        if signal.get("Status") != "SUCCESS":
            raise _refused(
                f"WaitCondition received failed message: '{signal.get('Reason', '')}' for"
                f" uniqueId: {unique_id}"
            )
    if len(signals) < count:
        return None
    return {unique_id: signal.get("Data", "") for unique_id, signal in signals.items()}


def _number(properties: Mapping[str, Any], name: str, default: int | None, most: int) -> int:
    text = str(properties.get(name, default if default is not None else ""))
    if not text.isdecimal() or int(text) > most:
        raise _refused(f"{name} must be a number from 0 to {most}, and is {text or 'not there'}")
    return int(text)


def _refused(message: str) -> AwsError:
    return AwsError("ValidationError", message)
