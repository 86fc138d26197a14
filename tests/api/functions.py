"""Functions of a scripted emulator that answer what a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from emulator.model.sandbox import Exit
from emulator.testing import RuntimeClient, ScriptedDriver


class Calls:
    """What functions were called with, as tests wait for it from another thread."""

    def __init__(self) -> None:
        #: (function:version, event) in the order they began.
        self.all: list[tuple[str, Any]] = []
        #: Returns a call's answer; an exception is a function error.
        self.answer: Callable[[Any], Any] = lambda event: None
        self._changed = threading.Condition()
        self.driver = ScriptedDriver(self._run)

    async def _run(self, runtime: RuntimeClient) -> Exit | None:
        name = runtime.environ["AWS_LAMBDA_FUNCTION_NAME"]
        version = runtime.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        while True:
            request_id, payload = await runtime.next()
            event = json.loads(payload)
            with self._changed:
                self.all.append((f"{name}:{version}", event))
                self._changed.notify_all()
            answer = self.answer(event)
            if hasattr(answer, "__await__"):
                answer = await answer
            if isinstance(answer, Exception):
                error = {"errorMessage": str(answer), "errorType": type(answer).__name__}
                await runtime.call(
                    "POST", f"invocation/{request_id}/error", json.dumps(error).encode()
                )
            else:
                await runtime.respond(request_id, json.dumps(answer).encode())

    def until(self, count: int) -> list[tuple[str, Any]]:
        """Wait until there were so many calls, and return them all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, 60), self.all
            return list(self.all)

    def bodies(self) -> list[list[str]]:
        """Return the bodies of each call's records."""
        return [[record["body"] for record in event["Records"]] for _, event in self.all]
