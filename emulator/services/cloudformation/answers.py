"""What functions and programs put to addresses of this emulator for a stack that waits.

A custom resource answers once, to an address made for its request. A wait condition's handle takes
any number of signals, each with an id of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, unquote

import orjson

from emulator.model.ids import new_request_id
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.store import StackStore

#: Paths at which this emulator takes them.
PATH = "/_cloudformation/"
_RESPONSES, _SIGNALS = f"{PATH}responses/", f"{PATH}signals/"
HANDLE = "AWS::CloudFormation::WaitConditionHandle"
#: Where a handle keeps its signals, hidden from ``Fn::GetAtt``.
SIGNALS = ".signals"


class Answers:
    """Takes answers and signals, and hands them to who waits.

    Args:
        store: The stacks, whose handles keep their signals.
    """

    def __init__(self, store: StackStore) -> None:
        self._store = store
        self._expected: dict[str, asyncio.Future[bytes]] = {}
        self._signalled: dict[tuple[str, str], asyncio.Event] = {}

    def expect(self) -> tuple[str, str, asyncio.Future[bytes]]:
        """Return a request's id, the path for its answer, and the future that gets the answer."""
        request_id = new_request_id()
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._expected[request_id] = future
        future.add_done_callback(lambda done: self._expected.pop(request_id, None))
        return request_id, f"{_RESPONSES}{request_id}", future

    @staticmethod
    def signal_path(stack: Stack, logical: str) -> str:
        """Return the path for signals of a wait condition's handle."""
        return f"{_SIGNALS}{quote(stack.stack_id, safe='')}/{logical}"

    async def put(self, path: str, body: bytes) -> int:
        """Take what was put to a path below :data:`PATH`; return the HTTP status of the answer."""
        if path.startswith(_RESPONSES):
            future = self._expected.get(path.removeprefix(_RESPONSES))
            if future is None or future.done():
                # As a presigned address that has expired.
                return 403
            future.set_result(body)
            return 200
        stack_id, _, logical = path.removeprefix(_SIGNALS).rpartition("/")
        stack = self._store.by_id(unquote(stack_id))
        handle = stack.resources.get(logical) if stack is not None else None
        if stack is None or handle is None or handle.kind != HANDLE:
            return 403
        try:
            signal = orjson.loads(body)
        except orjson.JSONDecodeError:
            return 400
        if not isinstance(signal, dict):
            return 400
        return await self._signal(stack, handle, signal)

    async def signal(self, stack: Stack, logical: str, signal: dict[str, Any]) -> None:
        """Take a signal for a resource."""
        await self._signal(stack, stack.resources[logical], signal)

    async def _signal(self, stack: Stack, handle: Resource, signal: dict[str, Any]) -> int:
        known = handle.attributes.setdefault(SIGNALS, {})
        # Of two signals with the same id, the first counts.
        known.setdefault(str(signal.get("UniqueId", "")), signal)
        await self._store.save_resources(stack, handle)
        waiting = self._signalled.get((stack.stack_id, handle.logical))
        if waiting is not None:
            waiting.set()
        return 200

    async def next_signal(self, stack: Stack, logical: str) -> None:
        """Return when a handle has got a signal more."""
        key = (stack.stack_id, logical)
        waiting = self._signalled.setdefault(key, asyncio.Event())
        waiting.clear()
        try:
            await waiting.wait()
        finally:
            self._signalled.pop(key, None)
