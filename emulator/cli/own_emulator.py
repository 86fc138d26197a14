"""An emulator that one command starts for itself and stops when it is done."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from emulator.cli.client import Client
from emulator.cli.terminal import CommandError

_ADDRESS = re.compile(r"^localfaas .* driver: (http://\S+)$")
#: The most seconds that stopping the emulator may take.
_END_S = 30.0


@contextmanager
def own_emulator(functions: Path, options: Sequence[str] = ()) -> Iterator[Client]:
    """Run ``localfaas up`` on a free port, yield its client, and stop it at the end.

    Args:
        functions: The template or the folder of functions.
        options: Further options of ``up``.

    Raises:
        CommandError: The emulator does not start; its own output is on stderr.
    """
    words = [sys.executable, "-m", "emulator", "up", str(functions)]
    process = subprocess.Popen(
        [*words, "--port", "0", "--no-watch", "--quiet", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = _ADDRESS.match(line.rstrip())
            if found:
                yield Client(found[1])
                return
        raise CommandError(f"`localfaas up {functions}` did not start")
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
