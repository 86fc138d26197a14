"""Which engine answers, what it can do, and what is said where none does. Without a real one."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.driver.conventions import SANDBOX_HOSTS
from emulator.driver.docker import network
from emulator.driver.docker.address import EngineAddress, resolve, usual_sockets
from emulator.driver.docker.declaration import DECLARATION
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.find import find_engine, hint, no_engine
from emulator.driver.docker.labels import own_container
from emulator.driver.docker.network import HOST_NAME
from emulator.driver.docker.notes import notes
from emulator.driver.docker.responses import CredentialsFault, EngineFault, EngineInfo
from emulator.model.errors import ConfigurationError

VERSION = {"ApiVersion": "1.41", "Version": "1"}
DOCKER = {"ServerVersion": "28.1", "InitBinary": "docker-init", "MemoryLimit": True}
ROOTLESS = {**DOCKER, "MemoryLimit": False, "SecurityOptions": ["name=rootless"]}
PODMAN = {"ServerVersion": "4.3.1", "InitBinary": "", "MemoryLimit": True}
ABSENT = (404, {"message": "page not found"})
NOBODY = (404, {"message": "No such container: localfaas-nobody"})
INFO = EngineInfo(
    name="Docker", version="1", operating_system="", kernel="", architecture="x86_64",
    rootless=False, init=True,
)  # fmt: skip

#: The names by which a container calls itself.
OWN = dict.fromkeys(SANDBOX_HOSTS, "0.0.0.0")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """Start what answers as an engine, by paths; returns the variables that lead to it."""
    servers = []

    def start(**answers: Any) -> dict[str, str]:
        answers = {"version": VERSION, "libpod": ABSENT, "update": NOBODY, **answers}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = next(each for name, each in answers.items() if name in self.path)
                status, body = found if isinstance(found, tuple) else (200, found)
                text = body if isinstance(body, str) else json.dumps(body)
                data = text.encode()
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *arguments: Any) -> None: ...

        path = tmp_path / "engine.sock"
        server = ThreadingUnixStreamServer(str(path), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return {"DOCKER_HOST": f"unix://{path}"}

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def libpod(**host: Any) -> dict[str, Any]:
    return {"host": {"security": {"rootless": False}, "cgroupControllers": ["memory"], **host}}


class TestWhatAnEngineSays:
    def ask(self, environ: dict[str, str]) -> EngineInfo:
        found = find_engine(environ)
        assert found.info is not None, found.reason
        return found.info

    def test_docker(self, engine: Callable[..., dict[str, str]]) -> None:
        found = self.ask(engine(info=DOCKER))
        assert str(found) == "Docker 28.1"
        assert (found.init, found.limits, found.updates, found.ulimits) == (True,) * 4
        assert 1 not in found.refusals

    def test_rootless_docker_without_control_groups(
        self, engine: Callable[..., dict[str, str]]
    ) -> None:
        found = self.ask(engine(info=ROOTLESS))
        assert str(found) == "Docker 28.1, rootless"
        assert not found.limits

    def test_podman_knows_no_update(self, engine: Callable[..., dict[str, str]]) -> None:
        found = self.ask(engine(libpod=libpod(), info=PODMAN, update=(404, "Not Found")))
        assert str(found) == "Podman 4.3.1"
        assert (found.init, found.limits, found.updates, found.ulimits) == (True, True, False, True)
        assert 1 in found.refusals
        assert found.bridge_lasts

    def test_podman_that_updates(self, engine: Callable[..., dict[str, str]]) -> None:
        assert self.ask(engine(libpod=libpod(), info=PODMAN)).updates

    def test_podman_with_netavark(self, engine: Callable[..., dict[str, str]]) -> None:
        own = libpod(networkBackend="netavark", rootlessNetworkCmd="pasta")
        found = self.ask(engine(libpod=own, info=PODMAN))
        # What the rootless would have.
        assert (found.bridge_lasts, found.copies_address) == (False, False)

    def test_rootless_podman_says_that_it_limits_what_it_does_not(
        self, engine: Callable[..., dict[str, str]]
    ) -> None:
        own = libpod(security={"rootless": True}, cgroupControllers=[], rootlessNetworkCmd="pasta")
        found = self.ask(engine(libpod=own, info=PODMAN))
        assert str(found) == "Podman 4.3.1, rootless"
        assert (found.limits, found.ulimits, found.copies_address) == (False, False, True)

    @pytest.mark.parametrize(
        ("content", "wrong"),
        [
            ([1], "it is no object"),
            ({"auths": ["r.test"]}, "`auths` is no object"),
            ({"credHelpers": "none"}, "`credHelpers` is no object"),
            ({"auths": {"r.test": "secret"}}, "`auths` has no object for 'r.test'"),
            ({"auths": {"r.test": {"auth": "c2VjcmV0"}}}, "`auth` for 'r.test' in `auths` is not"),
            ({"auths": {"r.test": {"auth": "secret"}}}, "`auth` for 'r.test' in `auths` is not"),
            ({"auths": {"r.test": {"auth": 1}}}, "`auth` for 'r.test' in `auths` is not"),
        ],
    )
    def test_what_login_kept_is_told_from_an_engine_that_is_not_there(
        self,
        engine: Callable[..., dict[str, str]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        content: Any,
        wrong: str,
    ) -> None:
        (tmp_path / "config.json").write_text(json.dumps(content))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        environ = engine(info=DOCKER)
        found = find_engine(environ)
        said = f"{tmp_path}/config.json is not as `docker login` writes it: {wrong}"
        assert found.reason.startswith(said)
        assert "secret" not in found.reason
        assert "DOCKER_CONFIG" in found.hint
        with pytest.raises(CredentialsFault) as raised:
            Engine(resolve(environ, home=tmp_path), environ=environ).connect()
        assert no_engine(resolve(environ, home=tmp_path), raised.value, environ) == (
            f"{raised.value}. {found.hint}"
        )

    @pytest.mark.parametrize(
        "content",
        [{}, {"auths": None}, {"auths": {"a": {}, "b": {"auth": "dTpw"}}},
         {"auths": {"c": {"auth": "", "identitytoken": "token"}}, "credHelpers": {"c": "none"}}],
    )  # fmt: skip
    def test_what_login_writes_is_taken(
        self,
        engine: Callable[..., dict[str, str]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        content: Any,
    ) -> None:
        (tmp_path / "config.json").write_text(json.dumps(content))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        assert self.ask(engine(info=DOCKER)).name == "Docker"

    def test_doctor_names_it(
        self, engine: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environ = engine(info=ROOTLESS)
        monkeypatch.setenv("DOCKER_HOST", environ["DOCKER_HOST"])
        (finding,) = DECLARATION.checks()
        assert finding.verdict == "ok"
        assert finding.detail == f"Docker 28.1, rootless at {environ['DOCKER_HOST']}"


class TestNoEngine:
    def test_where_docker_host_leads_nowhere(self, tmp_path: Path) -> None:
        environ = {"DOCKER_HOST": f"unix://{tmp_path}/none"}
        found = find_engine(environ)
        assert not found.answers
        assert f"no Docker engine answers at unix://{tmp_path}/none" in found.reason
        assert "unset DOCKER_HOST" in found.hint

    def test_a_socket_this_user_may_not_open(self) -> None:
        address = EngineAddress(url="unix:///closed")
        refused = EngineFault("Permission denied")
        refused.__cause__ = PermissionError(13, "Permission denied")
        text = no_engine(address, refused, {})
        assert "usermod -aG docker" in text

    def test_another_socket_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "podman").mkdir()
        (tmp_path / "podman" / "podman.sock").touch()
        environ = {"XDG_RUNTIME_DIR": str(tmp_path), "DOCKER_HOST": "unix:///none"}
        found = hint(EngineAddress(url="unix:///none"), EngineFault("gone"), environ)
        assert f"DOCKER_HOST=unix://{tmp_path}/podman/podman.sock" in found

    def test_nothing_stands_out(self) -> None:
        text = no_engine(EngineAddress(url="unix:///x"), EngineFault("gone"), {})
        assert "no Docker engine answers at unix:///x (gone)" in text
        assert "DOCKER_HOST" in text

    def test_podmans_socket_is_found_without_docker_host(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "podman").mkdir()
        own = tmp_path / "podman" / "podman.sock"
        own.touch()
        environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
        there = {str(own)}
        monkeypatch.setattr(os.path, "exists", lambda path: str(path) in there)
        assert resolve(environ, home=tmp_path).url == f"unix://{own}"
        there.add("/var/run/docker.sock")
        assert resolve(environ, home=tmp_path).url == "unix:///var/run/docker.sock"
        assert usual_sockets({})[-1] == "/run/podman/podman.sock"


class TestANetworkWithoutABridge:
    async def find(self, *, local: bool = True, gateway: str = "", **info: Any) -> network.Network:
        async def answer(name: str) -> str:
            return gateway

        values = {name: getattr(INFO, name) for name in INFO.__slots__}
        asked = SimpleNamespace(address=EngineAddress(url="unix:///x"), gateway=answer)
        return await network.find(
            cast(Engine, asked),
            EngineInfo(**{**values, "rootless": True, **info}),
            name="bridge", advertise="", control="", local=local,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "how",
        [
            # A rootless engine's bridge may have the address of one that is here.
            {"gateway": "127.0.0.2"},
            # Podman's first container brings it.
            {"gateway": "192.0.2.77", "rootless": False},
            # Its last one takes it along.
            {"gateway": "127.0.0.2", "rootless": False, "bridge_lasts": False},
        ],
    )
    async def test_is_of_no_use(self, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "own_address_towards", lambda host: "203.0.113.5")
        assert (await self.find(**how)).listen_host == "203.0.113.5"

    async def test_an_address_of_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "own_address_towards", lambda host: "203.0.113.5")
        found = await self.find()
        one = found.secret_name()
        assert found.listen_host == "203.0.113.5"
        others = dict(found.hosts(one).items() - OWN.items())
        assert set(others.values()) == {"203.0.113.5"}
        assert {HOST_NAME, one} < others.keys()
        assert "203.0.113.5" in found.note

    async def test_a_copy_of_this_machines_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "own_address_towards", lambda host: "203.0.113.5")
        found = await self.find(copies_address=True)
        assert found.listen_host == "203.0.113.5"
        others = found.hosts(found.secret_name()).items() - OWN.items()
        assert {address for _, address in others} == {"host-gateway"}

    async def test_a_machine_without_a_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(host: str) -> str:
            raise ConfigurationError("no way")

        monkeypatch.setattr(network, "own_address_towards", refuse)
        found = await self.find()
        assert found.listen_host == "127.0.0.1"
        assert "can't call the emulator" in found.note


@pytest.mark.parametrize(
    "line",
    [
        "152 142 254:0 /var/lib/docker/containers/{}/hostname /etc/hostname rw - ext4 /dev/vda rw",
        "152 142 0:24 /containers/overlay-containers/{}/userdata/hostname /etc/hostname rw - tmpfs",
    ],
    ids=["docker", "podman"],
)
def test_a_control_plane_knows_the_container_it_is_in(line: str, tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(f"{line.format('0a' * 32)}\n")
    assert own_container(tmp_path / "mountinfo") == "0a" * 32
    (tmp_path / "mountinfo").write_text(f"1 1 0:1 /containers/{'0a' * 32}/x /somewhere rw\n")
    assert own_container(tmp_path / "mountinfo") == ""


def test_notes_say_what_an_engine_can_not_do() -> None:
    def told(**info: Any) -> str:
        values = {name: getattr(INFO, name) for name in INFO.__slots__}
        found = EngineInfo(**{**values, **info})
        return " ".join(notes(found, shares_files=True, sized=True, limits_later=found.updates))

    assert told() == ""
    assert "no control groups" in told(limits=False)
    assert "open files" in told(ulimits=False)
    assert "no stem cells" in told(updates=False)
    assert "docker-init" in told(init=False)
