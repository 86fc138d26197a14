"""Takes what functions and programs put for stacks that wait: at addresses they were given.

On AWS these are presigned addresses of S3 (``ResponseURL``, a wait condition's handle).
"""

from __future__ import annotations

from emulator.edge.router import Headers, Receive, Scope, Send, answer, read_body
from emulator.services.context import Parts

#: What the paths begin with; emulator.services.cloudformation.answers makes them.
PATH = "/_cloudformation/"
#: The most bytes of an answer. AWS refuses those of more than 4 KB, and tells the stack.
_LARGEST = 1024 * 1024


class StackAnswersFront:
    """Hands answers to CloudFormation."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def claims(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request is for one of these addresses."""
        return scope["type"] == "http" and str(scope["path"]).startswith(PATH)

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        if scope["method"] != "PUT":
            await answer(send, 405, [(b"allow", b"PUT")], b"")
            return
        body = await read_body(receive, _LARGEST)
        if body is None:
            await answer(send, 413, [], b"")
            return
        stacks = await self._parts.table.state("cloudformation")
        status = await stacks.put(scope["raw_path"].decode("latin-1"), body)
        await answer(send, status, [], b"")
