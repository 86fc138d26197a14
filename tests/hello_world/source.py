"""Greetings as event sources: each change of a greeting's text is a record for a function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.services.context import Parts
from emulator.sources.mapped_function import MappedFunction
from tests.hello_world.state import Greetings


class GreetingSource:
    """Polls one greeting for one mapping; satisfies ``EventSource``."""

    def __init__(self, parts: Parts, arn: str) -> None:
        self._parts, self._arn = parts, arn
        self._work: set[asyncio.Task[None]] = set()

    async def run(self, function: MappedFunction) -> None:
        greetings: Greetings = await self._parts.table.state("hello-world")
        _, _, _, region, account, name = self._arn.split(":", 5)
        while True:
            # What is taken while nothing can run would be lost.
            await function.ready()
            text = await greetings.changed(account, region, name)
            task = asyncio.get_running_loop().create_task(self._invoke(function, text))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _invoke(self, function: MappedFunction, text: str) -> None:
        record = {"eventSource": "aws:hello-world", "eventSourceARN": self._arn, "text": text}
        try:
            await function.invoke(json.dumps({"Records": [record]}).encode())
        except AwsError as error:
            self._parts.console.warn(f"{self._arn}: {error}")

    async def drain(self) -> None:
        while self._work:
            await asyncio.wait(self._work)

    def cancel(self) -> None:
        for task in self._work:
            task.cancel()


class GreetingSources:
    """Satisfies ``SourceKind``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def check(self, mapping: Mapping[str, Any], version: FunctionVersion) -> None:
        """Check that there is such a greeting.

        Raises:
            AwsError: There is none.
        """
        greetings: Greetings = await self._parts.table.state("hello-world")
        _, _, _, region, account, name = mapping["EventSourceArn"].split(":", 5)
        if greetings.find(account, region, name) is None:
            raise AwsError("InvalidParameterValueException", f"There is no greeting {name}.")

    async def begin(self, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def make(self, mapping: Mapping[str, Any]) -> GreetingSource:
        return GreetingSource(self._parts, mapping["EventSourceArn"])

    async def close(self) -> None: ...


def open(parts: Parts) -> GreetingSources:
    """Return the greetings as event sources. Called once, when the first mapping needs it."""
    return GreetingSources(parts)
