"""A registry of a test's own, behind a door that counts, holds up and cuts off what it sends."""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import http.client
import http.server
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.acceptance.conftest import free_port
from tests.acceptance.own_engine import CACHE
from tests.contract.docker_engine import need_engine, unavailable
from tests.patience import PATIENCE_S

USER, PASSWORD = "someone", "secret"
#: `htpasswd -nbB -C 5` of those.
_HTPASSWD = f"{USER}:$2y$05$XB3waSYDwiZMkOZEBIeYBuxOgszA97NfxnpA/6gG5UR6hyCglT2dO\n"
_BASE = CACHE / "base-1.tar"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
#: Not compressed: the engine looks at the content, and packing the base takes longer than its pull.
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_CHUNK = 1 << 16


class Registry:
    """Debian's ``docker-registry`` on a free port of loopback, where HTTP without TLS will do.

    Args:
        folder: Where it keeps what is pushed; this object's own.
        login: It wants USER and PASSWORD.
    """

    def __init__(self, folder: Path, *, login: bool = False) -> None:
        self._folder = folder
        self._login = login
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Door)
        self._door.daemon_threads = True
        self._door.registry = self  # type: ignore[attr-defined]
        self._door.backend = self._port  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._door.serve_forever, args=(0.05,))
        self.passing = threading.Event()
        self.reset()

    def reset(self) -> None:
        """Forget what was asked for, and pass everything."""
        #: What it was asked for: "GET /v2/name/manifests/tag".
        self.requests: list[str] = []
        #: How many bytes of a layer pass before it comes to ``passing``; None for all.
        self.pass_bytes: int | None = None
        #: Set while more than that passes.
        self.passing.clear()
        #: Instead of waiting for ``passing``, end the connection.
        self.cuts = False
        #: Seconds that each 64 KB of a layer take.
        self.pace = 0.0
        #: Nothing at all is answered before ``passing``.
        self.silent = False

    @property
    def host(self) -> str:
        """What the names of its images begin with."""
        return f"127.0.0.1:{self._door.server_port}"

    def __enter__(self) -> Registry:
        settings = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": f"{self._folder}/data"}},
            "http": {"addr": f"127.0.0.1:{self._port}"},
        }
        if self._login:
            (self._folder / "htpasswd").write_text(_HTPASSWD)
            settings["auth"] = {"htpasswd": {"realm": "test", "path": f"{self._folder}/htpasswd"}}
        (self._folder / "config.yml").write_text(json.dumps(settings))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", "docker-registry", "serve",
                 f"{self._folder}/config.yml"],
                stdout=log, stderr=log,
            )  # fmt: skip
        self._thread.start()
        until = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < until, "docker-registry does not answer"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.passing.set()
        self._door.shutdown()
        self._thread.join()
        self._door.server_close()
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def _answers(self) -> bool:
        try:
            self._ask("GET", "/v2/")
        except OSError:
            return False
        return True

    def pulls(self, image: str) -> int:
        """Return how often somebody asked what the tag of ``image`` is."""
        name, _, tag = image.removeprefix(f"{self.host}/").rpartition(":")
        return sum(each.endswith(f" /v2/{name}/manifests/{tag}") for each in self.requests)

    def sends_layers(self) -> bool:
        """Say whether somebody has asked for a part of an image."""
        return any("/blobs/" in each for each in self.requests)

    # Pushing, without an engine

    def push(
        self,
        name: str,
        *layers: bytes | Path,
        architecture: str = "amd64",
        config: Mapping[str, object] | None = None,
    ) -> str:
        """Push an image of these tar archives as ``name`` ("repository:tag"); returns its name."""
        repository, _, tag = name.rpartition(":")
        self._put_manifest(repository, tag, *self._image(repository, layers, architecture, config))
        return f"{self.host}/{name}"

    def push_list(self, name: str, images: Mapping[str, Sequence[bytes | Path]]) -> str:
        """Push one image per architecture under one name."""
        repository, _, tag = name.rpartition(":")
        manifests = []
        for architecture, layers in images.items():
            kind, body = self._image(repository, layers, architecture, None)
            self._put_manifest(repository, _digest(body), kind, body)
            platform = {"architecture": architecture, "os": "linux"}
            manifests.append(
                {"mediaType": kind, "size": len(body), "digest": _digest(body),
                 "platform": platform}
            )  # fmt: skip
        index = {"schemaVersion": 2, "mediaType": _LIST, "manifests": manifests}
        self._put_manifest(repository, tag, _LIST, json.dumps(index).encode())
        return f"{self.host}/{name}"

    def _image(
        self,
        repository: str,
        layers: Sequence[bytes | Path],
        architecture: str,
        config: Mapping[str, object] | None,
    ) -> tuple[str, bytes]:
        """Push the parts of an image and return the kind and the text of its manifest."""
        descriptors = [self._put_blob(repository, layer, _LAYER) for layer in layers]
        image = {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": [each["digest"] for each in descriptors]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._put_blob(repository, json.dumps(image).encode(), _CONFIG),
            "layers": descriptors,
        }
        return _MANIFEST, json.dumps(manifest).encode()

    def _put_blob(self, repository: str, content: bytes | Path, kind: str) -> dict[str, object]:
        digest = _digest(content)
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if self._ask("HEAD", f"/v2/{repository}/blobs/{digest}")[0] != 200:
            status, place = self._ask("POST", f"/v2/{repository}/blobs/uploads/")
            assert status == 202, status
            path = place[place.index("/v2/") :]
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
                status, _ = self._ask("PUT", f"{path}&digest={digest}", file, size=size)
            assert status == 201, status
        return {"mediaType": kind, "size": size, "digest": digest}

    def _put_manifest(self, repository: str, reference: str, kind: str, body: bytes) -> None:
        path = f"/v2/{repository}/manifests/{reference}"
        status, _ = self._ask("PUT", path, io.BytesIO(body), size=len(body), kind=kind)
        assert status == 201, status

    def _ask(
        self,
        method: str,
        path: str,
        body: io.IOBase | None = None,
        *,
        size: int = 0,
        kind: str = "application/octet-stream",
    ) -> tuple[int, str]:
        """Ask the registry itself; returns the status and the Location."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        headers = {"Content-Length": str(size), "Content-Type": kind}
        if self._login:
            pair = f"{USER}:{PASSWORD}".encode()
            headers["Authorization"] = f"Basic {binascii.b2a_base64(pair, newline=False).decode()}"
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("Location", "")


class _Door(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the registry, and its answers back as it is told to."""

    protocol_version = "HTTP/1.1"

    def _pass(self) -> None:
        registry: Registry = self.server.registry  # type: ignore[attr-defined]
        registry.requests.append(f"{self.command} {self.path}")
        if registry.silent:
            registry.passing.wait()
        backend = http.client.HTTPConnection(
            "127.0.0.1",
            self.server.backend,  # type: ignore[attr-defined]
        )
        with contextlib.closing(backend):
            length = int(self.headers.get("Content-Length") or 0)
            backend.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # some come more than once
                backend.putheader(name, value)
            backend.endheaders(self.rfile.read(length))
            answer = backend.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self._send_body(registry, answer)

    def _send_body(self, registry: Registry, answer: http.client.HTTPResponse) -> None:
        sent = 0
        while data := answer.read(_CHUNK):
            bound = registry.pass_bytes
            time.sleep(registry.pace)
            if bound is not None and "/blobs/" in self.path and sent + len(data) > bound:
                if registry.cuts:
                    self.close_connection = True
                    return
                registry.passing.wait()
            self.wfile.write(data)
            sent += len(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _pass

    def handle(self) -> None:
        with suppress(OSError):  # the engine hung up
            super().handle()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return f"sha256:{hashlib.sha256(content).hexdigest()}"
    with content.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def base() -> Path:
    """Return the layer that has a system with Python (of tests/docker_engine.sh)."""
    return _BASE


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a tar archive of programs by name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def own_registry(*, login: bool = False) -> Iterator[Registry]:
    """Start a registry; skip the test where that can't be, fail where it must."""
    need_engine()
    missing = [] if shutil.which("docker-registry") else ["docker-registry"]
    missing += [] if _BASE.exists() else ["what tests/docker_engine.sh makes"]
    if missing:
        reason = f"no registry without {' and '.join(missing)}"
        unavailable(reason)
    folder = Path(tempfile.mkdtemp(prefix="localfaas-registry-"))
    try:
        with Registry(folder, login=login) as registry:
            yield registry
    finally:
        shutil.rmtree(folder, ignore_errors=True)
