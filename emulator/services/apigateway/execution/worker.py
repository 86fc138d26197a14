"""The process of ``bounded.py``: reads pieces of work from its input, and writes what they make.

Each is a JSON object behind its length; ``do`` says what it is.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from typing import Any

from emulator.services.apigateway.execution import schemas, templates

#: Seconds of CPU for one piece of work, and bytes of memory for all that it does.
_CPU_S = 10
_MEMORY = 768 * 1024 * 1024
_LENGTH = struct.Struct(">I")


def main() -> None:
    """Work until the input ends."""
    _limit(_MEMORY)
    read, out = sys.stdin.buffer, sys.stdout.buffer
    out.write(b".")
    out.flush()
    while len(head := read.read(_LENGTH.size)) == _LENGTH.size:
        _allow_cpu()
        job = json.loads(read.read(_LENGTH.unpack(head)[0]))
        try:
            answer = _WORK[job["do"]](job)
        except MemoryError:
            answer = {"failure": "it needs too much memory"}
        data = json.dumps(answer).encode()
        out.write(_LENGTH.pack(len(data)) + data)
        out.flush()


def _limit(memory: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, OSError, ValueError):
        return  # who started it has a bound on time as well


def _allow_cpu() -> None:
    """Have the kernel end the next piece of work where whoever wanted it is gone."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        bound = int(used.ru_utime + used.ru_stime) + _CPU_S
        resource.setrlimit(resource.RLIMIT_CPU, (bound, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return


def _match(job: dict[str, Any]) -> dict[str, Any]:
    try:
        found = re.fullmatch(job["pattern"], job["text"], re.DOTALL) is not None
    except (re.error, OverflowError, RecursionError):
        found = False
    return {"found": found}


def _render(job: dict[str, Any]) -> dict[str, Any]:
    given = templates.Given.of_document(job["given"])
    try:
        text = templates.render_here(job["template"], job["text"], given)
    except templates.TemplateFailure as error:
        return {"failure": str(error)}
    return {"text": text, "request": given.request_override, "response": given.response_override}


def _validate(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "errors": schemas.violations(job["schema"], job["body"].encode("utf-8", "surrogateescape"))
    }


_WORK = {"match": _match, "render": _render, "validate": _validate}


if __name__ == "__main__":
    main()
