"""What sandboxes are forked from lives on where this machine has no room for one."""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[3] / "runtimes" / "python"
#: The zygote, on a machine that has no process ids left at first.
_ZYGOTE = f"""
import errno, os, runpy, sys
fork = os.fork
def refuse():
    os.fork = fork
    raise OSError(errno.EAGAIN, "no more")
os.fork = refuse
runpy.run_path({str(_FOLDER / "zygote.py")!r}, run_name="__main__")
"""
_JOB = {"jailed": False, "user": False, "groups": [], "early": False, "argv": []}


def order(zygote: socket.socket) -> Any:
    """Order a sandbox; return a file with what its warden says."""
    mine, theirs = socket.socketpair()
    channel, runtime = socket.socketpair()
    read, output = os.pipe()
    try:
        fds = array.array("i", [theirs.fileno(), runtime.fileno(), channel.fileno(), output])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
        zygote.sendmsg([json.dumps(_JOB).encode() + b"\n"], rights)
        return mine.makefile("rb")
    finally:
        for each in (mine, theirs, channel, runtime):
            each.close()
        os.close(read)
        os.close(output)


def test_it_says_that_a_process_could_not_be_made_and_takes_the_next_order() -> None:
    mine, theirs = socket.socketpair()
    with mine:
        with theirs:
            command = [sys.executable, "-I", "-S", "-c", _ZYGOTE, str(theirs.fileno()), "0"]
            running = subprocess.Popen(
                [*command, str(_FOLDER)], pass_fds=[theirs.fileno()], start_new_session=True
            )
        assert mine.recv(16) == b"ready\n"
        with order(mine) as said:
            word, _, end = said.read().partition(b" ")
            assert word == b"E"
            assert json.loads(end)["error"] == [
                "Sandbox.Failure",
                f"no process could be made: {os.strerror(errno.EAGAIN)}",
            ]
        with order(mine) as said:
            assert said.readline().startswith(b"W ")
    assert running.wait(timeout=60) == 0, "it ends with the driver"
