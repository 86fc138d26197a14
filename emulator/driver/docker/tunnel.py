"""``ssh://``: the socket of an engine on another machine, forwarded to a socket here.

The ``ssh`` command does it, so that the user's own configuration, keys and agent count. Unlike
``docker system dial-stdio``, which takes an ``ssh`` for each connection, one serves them all.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from emulator.driver.docker.responses import EngineFault

_SOCKET = "/var/run/docker.sock"
#: Seconds to connect and log in.
_LOGIN = 20.0
#: Seconds ``ssh`` has to end by itself.
_END = 2.0
_OPTIONS = {
    "BatchMode": "yes",  # nobody is there to be asked
    "ConnectTimeout": "10",
    "ControlPath": "none",  # a shared connection would keep the forwarding once this one has ended
    "ExitOnForwardFailure": "yes",
    "ServerAliveInterval": "10",
    "ServerAliveCountMax": "3",
    "StreamLocalBindMask": "0177",
    "StreamLocalBindUnlink": "yes",
}


class Tunnel:
    """A forwarded socket. Blocks; may be used by several threads.

    Args:
        url: ``ssh://[user@]host[:port][/path/of/the/socket]``.
        environ: The variables ``ssh`` gets.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self._parts = urlsplit(url)
        self._environ = dict(environ)
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        #: How often it had to log in; each login loses the connections made before.
        self.logins = 0
        self._closed = False

    @property
    def remote(self) -> str:
        """The path of the engine's socket on its machine."""
        return self._parts.path.rstrip("/") or _SOCKET

    def open(self) -> str:
        """Return the URL of the socket here; log in first, or anew, where that is needed.

        Raises:
            EngineFault: It can't be; the text is that of ``ssh``.
        """
        with self._lock:
            if self._closed:
                raise EngineFault("the way to the Docker engine is closed")
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="localfaas-ssh-"))
            socket = self._folder / "engine.sock"
            if self._process is None or self._process.poll() is not None:
                self._log_in(socket)
            return f"unix://{socket}"

    def _log_in(self, socket: Path) -> None:
        self._end()
        self.logins += 1
        words = ["ssh", "-T", "-L", f"{socket}:{self.remote}"]
        words += [word for pair in _OPTIONS.items() for word in ("-o", "=".join(pair))]
        if self._parts.port:
            words += ["-p", str(self._parts.port)]
        if self._parts.username:
            words += ["-l", self._parts.username]
        # `cat` ends with its input, which ends with this process, however that ends.
        words += ["--", self._parts.hostname or "", "cat"]
        said = socket.with_name("said")
        try:
            with said.open("wb") as file:
                self._process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=file,
                    env=self._environ,
                    start_new_session=True,  # a Ctrl-C is for us: we have containers to remove
                )
        except OSError as error:
            raise EngineFault(f"ssh can't be run: {error}") from error
        if not _echoes(self._process):
            self._end()
            text = said.read_text(errors="replace").strip()
            raise EngineFault(f"ssh: {text or 'no answer'}")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()

    def close(self) -> None:
        """End it. Idempotent."""
        with self._lock:
            self._closed = True
            self._end()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _echoes(process: subprocess.Popen[bytes]) -> bool:
    """Say whether the other side is there: it says what it is told. The socket is there then."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(b"\n")
        process.stdin.flush()
    except OSError:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(_LOGIN):
            return False
    return os.read(process.stdout.fileno(), 4096) != b""
