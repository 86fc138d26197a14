"""Templates, patterns and schemas of users, which may never end, with bounds on time and memory.

What is quick whatever it meets is done here, and all else in a process of its own, which is started
when it is first needed, ends after a minute without work, and is killed with what takes too long.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from emulator.model.clock import Clock
from emulator.stack.patterns import is_quick, matches

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: Seconds that one piece of work may take, with those before it.
PATIENCE_S = 5.0
#: Seconds for the process to start.
_START_S = 60.0
_IDLE_S = 60.0
#: The longest text that patterns are matched with here.
_LONGEST_TEXT = 1000
_LENGTH = struct.Struct(">I")


class TakesTooLong(Exception):
    """A piece of work has gone beyond its bounds."""


class BoundedWorker:
    """Has work done in a process of its own: one piece after the other.

    Args:
        clock: Says when a piece of work takes too long, and when there was none for long. It does
            not jump: what is under way goes on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._timer: Any = None

    async def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``worker.py`` makes of a piece of work.

        Raises:
            TakesTooLong: It goes beyond its bounds, or the process can't be started.
        """
        async with self._turn:
            if self._timer is not None:
                self._timer.cancel()
            try:
                answer = await self._ask(json.dumps(job).encode())
            except BaseException:
                await self._end()
                raise
            self._timer = self._clock.call_later(_IDLE_S, self._rest)
            return answer

    async def _ask(self, job: bytes) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_START_S):
                process = self._process or await self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            async with asyncio.timeout(None) as work:
                patience = self._clock.call_later(PATIENCE_S, work.reschedule, 0.0)
                try:
                    process.stdin.write(_LENGTH.pack(len(job)) + job)
                    await process.stdin.drain()
                    (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
                    found: dict[str, Any] = json.loads(await process.stdout.readexactly(length))
                finally:
                    patience.cancel()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise TakesTooLong("it takes too long") from error
        return found

    async def _start(self) -> asyncio.subprocess.Process:
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", f"{__package__}.execution.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # A Ctrl-C is for the emulator, which then ends its children.
            start_new_session=True,
        )
        assert process.stdout is not None
        # It says so when it has imported what it needs.
        await process.stdout.readexactly(1)
        return process

    def _rest(self) -> None:
        """End the process, which has had nothing to do for a while."""
        if not self._turn.locked():
            task = asyncio.ensure_future(self._end())
            _ending.add(task)
            task.add_done_callback(_ending.discard)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def close(self) -> None:
        """End the process."""
        if self._timer is not None:
            self._timer.cancel()
        await self._end()


#: Processes that are being ended.
_ending: set[asyncio.Future[None]] = set()


async def match(parts: Parts, pattern: str, text: str) -> bool:
    """Say whether a pattern of a user's matches a whole text; a wrong one matches nothing.

    Raises:
        TakesTooLong: It does.
    """
    if len(text) <= _LONGEST_TEXT and is_quick(pattern):
        try:
            return matches(f"(?s:{pattern})", text)
        except ValueError:
            return False
    worker: BoundedWorker = (await parts.table.state("apigateway")).bounded
    return bool((await worker.ask({"do": "match", "pattern": pattern, "text": text}))["found"])


def is_quick_template(template: str, size: int) -> bool:
    """Say whether a template is rendered quickly, whatever it is given.

    It is where nothing repeats and no text grows without end: each of its variables may stand for
    all of the body, and each ``#set`` multiplies what it has.

    Args:
        template: The template.
        size: Of the body, in characters.
    """
    if len(template) > _LONGEST_TEMPLATE or size > _LARGEST_BODY or _REPEATS.search(template):
        return False
    if _deepest(template) > _DEEPEST or not _QUICK_METHODS.issuperset(_CALL.findall(template)):
        return False
    growth = 1
    for begin in _SET.finditer(template):
        # The variable that is set is one of the references.
        growth *= max(1, len(_REFERENCE.findall(_bracket(template, begin.end()))) - 1)
    return growth <= _MOST_GROWTH and len(_REFERENCE.findall(template)) * growth <= 1024


#: The longest template and body, in characters, and the deepest brackets of what is done here.
_LONGEST_TEMPLATE, _LARGEST_BODY, _DEEPEST = 16_384, 65_536, 8
_MOST_GROWTH = 64
#: What repeats, and what else a template may make of texts of its own: ranges, deep paths.
_REPEATS = re.compile(r"#\{?(?:foreach|macro|define|evaluate|parse|include)|\.\.", re.IGNORECASE)
_SET = re.compile(r"#\{?set\}?\s*\(", re.IGNORECASE)
_REFERENCE = re.compile(r"\$!?\{?[A-Za-z_]")
_CALL = re.compile(r"\.\s*(\w+)\s*\(")
#: Methods that take no longer than their text is long, and make it a few times longer at most.
_QUICK_METHODS = frozenset(
    "add base64Decode base64Encode concat contains containsKey containsValue endsWith entrySet "
    "equals equalsIgnoreCase escapeJavaScript get indexOf isEmpty json keySet length params "
    "parseJson path put size startsWith substring toLowerCase toString toUpperCase trim urlDecode "
    "urlEncode values".split()
)


def _bracket(template: str, at: int) -> str:
    """Return what stands from a place on to where its bracket is closed."""
    depth = 1
    for end in range(at, len(template)):
        depth += {"(": 1, ")": -1}.get(template[end], 0)
        if not depth:
            return template[at:end]
    return template[at:]


def _deepest(template: str) -> int:
    depth = deepest = 0
    for each in template:
        if each in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif each in ")]}":
            depth = max(0, depth - 1)
    return deepest


@lru_cache(maxsize=256)
def quick_body(schema: str) -> int:
    """Return the most bytes of a body that is held against a schema quickly; 0: not even one.

    Args:
        schema: As JSON.
    """
    names: set[str] = set()
    searched: list[str] = []
    waiting = [json.loads(schema)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            names |= each.keys()
            searched += [each["pattern"]] if isinstance(each.get("pattern"), str) else []
            searched += _keys_of(each.get("patternProperties"))
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    if "$ref" in names and names & _COMBINED:
        return 0  # definitions that double one another
    # A search begins at each place of a text.
    if any(not is_quick(each) or len(_ENDLESS.findall(each)) > 1 for each in searched):
        return 0
    if searched or "uniqueItems" in names:
        return _LONGEST_TEXT
    return min(_LARGEST_BODY, _MOST_STEPS // len(schema))


_COMBINED = {"allOf", "anyOf", "oneOf", "not", "dependencies", "extends"}
_ENDLESS = re.compile(r"[*+]|\{\d*,\}")
#: Parts of a schema, each with parts of a body.
_MOST_STEPS = 4_000_000


def _keys_of(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
