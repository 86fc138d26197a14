"""AWS's Java runtime client, from Maven Central, and an archive of its classes for each JDK.

The client is fetched once and checked against the sums below. JVMs map the archive instead of
reading and verifying classes (class-data sharing).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from emulator.code import build_cache, programs
from emulator.driver.languages.base import Interpreter
from emulator.model.console import Console
from emulator.model.errors import DriverFault

#: Where the jars are fetched, unless Maven has them on this machine.
CENTRAL = "https://repo1.maven.org/maven2"
#: The class whose ``main`` is the runtime.
MAIN = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
#: Where AWS's environments have the client.
_AWS_PLACE = "/var/runtime/lib"
#: The beginnings of paths that a sandbox has for itself: nothing of this machine is shown there.
_TAKEN = ("bin", "dev", "etc", "lib", "opt", "proc", "run", "sbin", "sys", "tmp", "usr", "var")
_FETCH_S = 60
_TRAIN_S = 60
#: A call of a handler that each JDK has, so that the classes that read and write events are there.
_HANDLER = "java.util.UUID::fromString"
_EVENT = b'"00000000-0000-0000-0000-000000000000"'


class Jar(NamedTuple):
    """One artifact of Maven Central."""

    group: str
    name: str
    version: str
    sha256: str
    #: Which of an artifact's files it is, e.g. "native".
    classifier: str = ""

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{'-'.join(filter(None, (self.name, self.version, self.classifier)))}.jar"

    @property
    def path(self) -> str:
        """Its path in a repository of Maven's."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.file}"


#: The client. It has its native libraries for each platform within.
CLIENT = Jar(
    "com.amazonaws",
    "aws-lambda-java-runtime-interface-client",
    "2.10.1",
    "b0dd01f45b7258da0e32ade0bff950b12d0cf279ccebf416ad8c3795af21f1db",
)
#: The client and what it needs.
JARS = (
    Jar(
        "com.amazonaws",
        "aws-lambda-java-core",
        "1.4.0",
        "575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
    ),
    CLIENT,
    Jar(
        "com.amazonaws",
        "aws-lambda-java-serialization",
        "1.4.1",
        "0ab04580117a1a326c7abea912331c77bec1292ce0c22285eb2d40563145dd9b",
    ),
    Jar(
        "software.amazon.awssdk",
        "utils-lite",
        "2.34.0",
        "efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a",
    ),
)


def folder() -> Path:
    """Return where the client is kept on this machine."""
    key = hashlib.sha256("".join(jar.sha256 for jar in JARS).encode()).hexdigest()[:16]
    return build_cache.folder().resolve() / f"java-client-{key}"


def place() -> str:
    """Return where a sandbox sees the client.

    Archives of classes hold for the path at which they were made: so that is the machine's own,
    unless the sandbox has something else there.
    """
    own = folder()
    return _AWS_PLACE if own.parts[1] in _TAKEN else str(own)


def archive(interpreter: Interpreter) -> Path:
    """Return the archive of classes for one JDK, which need not be there."""
    told = _release_file(interpreter)
    key = hashlib.sha256(f"{interpreter.executable}\0{told}".encode()).hexdigest()[:16]
    return folder() / f"classes-{key}.jsa"


def _release_file(interpreter: Interpreter) -> str:
    try:
        return (interpreter.prefix / "release").read_text()
    except OSError:
        return ""


async def install(interpreter: Interpreter, console: Console) -> None:
    """Fetch the client, if it is not here, and make the JDK's archive of classes.

    Raises:
        DriverFault: It can't be had.
    """
    target = folder()
    if not build_cache.has(target):
        console.info("fetching AWS's Java runtime client, once")
        async with build_cache.scratch(target.parent) as scratch:
            await asyncio.gather(*(_fetch(jar, scratch) for jar in JARS))
            await build_cache.keep(scratch, target)
    if place() != _AWS_PLACE and not archive(interpreter).exists():
        console.info(f"preparing {interpreter.runtime}'s archive of classes, once")
        await _train(interpreter)


async def _fetch(jar: Jar, into: Path) -> None:
    (into / jar.file).write_bytes(await content(jar))
    os.chmod(into / jar.file, 0o644)


async def content(jar: Jar) -> bytes:
    """Return a jar, from this machine or from Maven Central.

    Raises:
        DriverFault: It can't be had, or is another.
    """
    found = _local(jar) or await _unhindered(_remote, jar)
    if hashlib.sha256(found).hexdigest() != jar.sha256:
        raise DriverFault(f"{jar.file} is not what it should be: its SHA-256 differs")
    return found


def _local(jar: Jar) -> bytes | None:
    """Return what Maven has kept of a jar on this machine, if it is the right one."""
    try:
        content = (Path.home() / ".m2/repository" / jar.path).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == jar.sha256 else None


def _remote(jar: Jar) -> bytes:
    try:
        with urllib.request.urlopen(f"{CENTRAL}/{jar.path}", timeout=_FETCH_S) as answer:
            content: bytes = answer.read()
    except (OSError, HTTPException) as error:
        raise DriverFault(
            f"AWS's Java runtime client can't be had: {jar.file} from {CENTRAL}: {error}. Java"
            " functions need it: get it with `mvn dependency:get"
            f" -Dartifact={jar.group}:{jar.name}:{jar.version}`, or use --driver docker."
        ) from error
    return content


async def _unhindered(call: Callable[[Jar], bytes], jar: Jar) -> bytes:
    """Return what a call returns that may take long.

    If the caller is cancelled, nobody waits for it: a thread of its own ends by itself, or with
    this process.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[bytes] = loop.create_future()

    def settle(content: bytes, error: Exception | None) -> None:
        if found.done():
            return
        found.set_result(content) if error is None else found.set_exception(error)

    def work() -> None:
        content, failure = b"", None
        try:
            content = call(jar)
        except Exception as error:  # noqa: BLE001 the caller's, whatever it is
            failure = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, content, failure)

    Thread(target=work, name=jar.name, daemon=True).start()
    return await found


# The archive of classes ------------------------------------------------------------------------


def classpath(at: str) -> str:
    """Return the class path of a runtime whose client is at ``at``."""
    return ":".join(f"{at}/{jar.file}" for jar in JARS)


async def _train(interpreter: Interpreter) -> None:
    """Have a JVM serve one call and write down the classes that it took.

    Without an archive functions start as well, only slower: so an empty one stands for a failure.
    """
    target = archive(interpreter)
    made = target.with_suffix(f".{os.getpid()}")
    server = HTTPServer(("127.0.0.1", 0), _OneCall)
    Thread(target=server.serve_forever, daemon=True).start()
    command = [
        str(interpreter.executable),
        f"-XX:ArchiveClassesAtExit={made}",
        *("-XX:+UseSerialGC", "-Xlog:disable"),
        *("-cp", classpath(str(folder())), MAIN, _HANDLER),
    ]
    environ = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "TZ": ":UTC"}
    try:
        await programs.run(command, Path("/"), environ, patience_s=_TRAIN_S)
    except OSError:
        pass
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
    try:
        if not made.exists():
            made.touch()
        os.chmod(made, 0o644)
        os.replace(made, target)
    except OSError:
        pass  # the folder can't be written to: another user's emulator made it


class _OneCall(BaseHTTPRequestHandler):
    """A Runtime API with one call. The second request for one is refused, which ends the client."""

    calls = 0

    def do_GET(self) -> None:
        first = not self.server.__dict__.setdefault("called", False)
        self.server.__dict__["called"] = True
        self.send_response(200 if first else 403)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-0000-0000-000000000000")
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header("Content-Type", "application/json")
        self._answer(_EVENT)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(202)
        self._answer(b'{"status":"OK"}')

    def _answer(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...
