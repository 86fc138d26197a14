"""Several invocations at once: a process for each, with an init and a connection of its own.

So does AWS's own client where ``AWS_LAMBDA_MAX_CONCURRENCY`` is set. Beyond that, the process that
watches the others answers for a worker that dies, and puts another in its place.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import sys

from . import client, loop, setup

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: Bytes in which a worker notes what it runs: its state, then the id of its invocation.
_PLACE = 64
_STARTING, _UP = 0, 1


class Worker(client.Client):
    """A worker's connection, which notes in shared memory what the worker is about."""

    def note_in(self, memory: mmap.mmap, place: int) -> None:
        self._memory, self._at = memory, place * _PLACE
        self._note("", _STARTING)

    def _note(self, request_id: str, state: int = _UP) -> None:
        text = bytes([state]) + request_id.encode()[: _PLACE - 1]
        self._memory[self._at : self._at + _PLACE] = text.ljust(_PLACE, b"\0")

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = super().receive()
        request_id = headers.get("lambda-runtime-aws-request-id")
        if request_id:
            self._note(request_id)
        return status, headers, body

    def send(self, *parts: bytes) -> None:
        super().send(*parts)
        # An answer goes out with the call for what comes next: until then nothing runs.
        if parts[-1] == self.next:
            self._note("")


def run(channel: client.Client, handler_name: str, count: int) -> NoReturn:
    """Serve ``handler_name`` with ``count`` workers; ends as the last of them does."""
    memory = mmap.mmap(-1, count * _PLACE)
    workers: dict[int, int] = {}
    for place in range(count):
        try:
            workers[_fork(channel, handler_name, memory, place)] = place
        except OSError as error:
            sys.stderr.write(f"no more than {len(workers)} of {count} workers: {error}\n")
            break
    code = 1
    while workers:
        pid, status = os.wait()
        if pid not in workers:
            continue  # a child that a worker left behind
        place = workers.pop(pid)
        code = _exit_code(status)
        state, request_id = _read(memory, place)
        if request_id:
            _answer_for(channel, request_id, code)
        # Who never came up would not the next time either.
        if state == _UP:
            workers[_fork(channel, handler_name, memory, place)] = place
    _end_with(code)


def _fork(channel: client.Client, handler_name: str, memory: mmap.mmap, place: int) -> int:
    memory[place * _PLACE : (place + 1) * _PLACE] = bytes(_PLACE)
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        channel.close()
        setup.streams_by_line()
        own = Worker.connect(os.environ["AWS_LAMBDA_RUNTIME_API"])
        own.note_in(memory, place)
        loop.run(own, handler_name)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 (as the interpreter does at the end of a program)
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or 1
        os._exit(code & 0xFF)


def _read(memory: mmap.mmap, place: int) -> tuple[int, str]:
    text = memory[place * _PLACE : (place + 1) * _PLACE]
    return text[0], text[1:].rstrip(b"\0").decode()


def _exit_code(status: int) -> int:
    """Return the exit status, negative for a signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _answer_for(channel: client.Client, request_id: str, code: int) -> None:
    """End the invocation of a worker that died, in the words AWS has for a runtime that does."""
    if code < 0:
        reason = "signal: killed" if -code == signal.SIGKILL else f"signal: {-code}"
        reason = f"Runtime exited with error: {reason}"
    elif code:
        reason = f"Runtime exited with error: exit status {code}"
    else:
        reason = "Runtime exited without providing a reason"
    body = {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: {reason}",
    }
    channel.send(
        *channel.post(
            f"invocation/{request_id}/error",
            json.dumps(body).encode(),
            error_type="Runtime.ExitError",
        )
    )
    channel.receive()


def _end_with(code: int) -> NoReturn:
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)
