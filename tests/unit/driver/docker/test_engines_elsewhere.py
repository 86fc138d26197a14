"""How an engine elsewhere is found, reached and given files, without one."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.driver.addresses import own_address_towards
from emulator.driver.archives import pack, signature
from emulator.driver.callbacks import CallbackServer
from emulator.driver.conventions import SANDBOX_HOSTS
from emulator.driver.docker import network
from emulator.driver.docker.address import EngineAddress, resolve
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.responses import EngineFault, EngineInfo
from emulator.driver.docker.tunnel import Tunnel
from emulator.model.errors import ConfigurationError

DOCKER = EngineInfo(
    name="Docker", version="1", operating_system="", kernel="", architecture="x86_64",
    rootless=False, init=True,
)  # fmt: skip

#: The names by which a container calls itself.
OWN = dict.fromkeys(SANDBOX_HOSTS, "0.0.0.0")


class TestAddress:
    @pytest.mark.parametrize(
        ("environ", "url", "certificates", "verify"),
        [
            ({"DOCKER_HOST": "tcp://far:2375"}, "tcp://far:2375", None, False),
            (
                {"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS_VERIFY": "1"},
                "tcp://far:2376",
                "",
                True,
            ),
            ({"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS": "1"}, "tcp://far:2376", "", False),
            (
                {"DOCKER_HOST": "tcp://far:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"},
                "tcp://far:1",
                "/c",
                True,
            ),
            ({"DOCKER_HOST": "ssh://me@far:2222/x.sock"}, "ssh://me@far:2222/x.sock", None, False),
            ({"DOCKER_HOST": "unix:///a", "DOCKER_CONTEXT": "ignored"}, "unix:///a", None, False),
        ],
    )
    def test_variables(
        self,
        tmp_path: Path,
        environ: dict[str, str],
        url: str,
        certificates: str | None,
        verify: bool,
    ) -> None:
        found = resolve(environ, home=tmp_path)
        folder = {None: None, "": tmp_path / ".docker"}.get(certificates, Path(certificates or ""))
        assert found == EngineAddress(url=url, certificates=folder, verify=verify)

    def test_a_context_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="'away' can't be read"):
            resolve({"DOCKER_CONTEXT": "away"}, home=tmp_path)

    def test_a_context_without_tls(self, tmp_path: Path) -> None:
        name = hashlib.sha256(b"away").hexdigest()
        meta = tmp_path / ".docker" / "contexts" / "meta" / name
        meta.mkdir(parents=True)
        endpoints = {"Endpoints": {"docker": {"Host": "ssh://far"}}}
        (meta / "meta.json").write_text(json.dumps(endpoints))
        found = resolve({"DOCKER_CONTEXT": "away"}, home=tmp_path)
        assert (found.url, found.host, found.certificates) == ("ssh://far", "far", None)


class TestNetwork:
    async def find(self, url: str, **fields: Any) -> network.Network:
        """Ask for the network of an engine at ``url``."""

        async def inspect(container: str) -> Any:
            return SimpleNamespace(addresses=fields.get("addresses", {}))

        async def gateway(name: str) -> str:
            return str(fields.get("gateway", ""))

        engine = SimpleNamespace(address=EngineAddress(url=url), inspect=inspect, gateway=gateway)
        return await network.find(
            cast(Engine, engine),
            fields.get("info", DOCKER),
            name="bridge",
            advertise=fields.get("advertise", ""),
            control=fields.get("control", ""),
            local=False,
        )

    async def test_the_bridge_of_this_machine_tells_containers_apart(self) -> None:
        found = await self.find("unix:///x", gateway="127.0.0.2")
        assert (found.listen_host, found.reach_host) == ("127.0.0.2", "127.0.0.2")
        assert found.secret_name() == ""
        assert found.hosts("") == {"host.docker.internal": "host-gateway", **OWN}

    async def test_an_engine_of_this_machine_by_tcp(self) -> None:
        found = await self.find("tcp://localhost:2375", gateway="127.0.0.2")
        assert found.reach_host == "127.0.0.2"

    async def test_an_engine_in_a_machine_of_its_own(self) -> None:
        found = await self.find("unix:///x", gateway="192.0.2.77")
        assert found.listen_host == "127.0.0.1"
        others = found.hosts(found.secret_name()).items() - OWN.items()
        assert {address for _, address in others} == {"host-gateway"}

    async def test_an_engine_elsewhere(self) -> None:
        # This machine's own address on the way to anywhere: to itself it is the same.
        try:
            here = own_address_towards("192.0.2.1")
        except ConfigurationError:
            pytest.skip("this machine has no network")
        found = await self.find(f"tcp://{here}:2376")
        one, other = found.secret_name(), found.secret_name()
        assert found.listen_host == here
        assert len({one, other, found.reach_host}) == 3
        assert found.hosts(one) == {
            "host.docker.internal": "host-gateway", found.reach_host: here, one: here, **OWN,
        }  # fmt: skip
        assert "--advertise-host" in found.note

    async def test_an_address_that_is_advertised(self) -> None:
        found = await self.find("unix:///x", advertise="127.0.0.3", gateway="127.0.0.2")
        assert (found.listen_host, found.translated_to) == ("127.0.0.3", "127.0.0.3")
        # One that is not this machine's own: somebody passes it on.
        found = await self.find("ssh://127.0.0.1", advertise="198.51.100.7")
        assert (found.listen_host, found.translated_to) == ("127.0.0.1", "198.51.100.7")

    async def test_neighbours_of_a_control_plane_in_a_container(self) -> None:
        found = await self.find("unix:///x", control="c", addresses={"project": "10.1.2.3"})
        assert (found.name, found.listen_host) == ("project", "10.1.2.3")
        assert found.secret_name() == ""

    async def test_a_name_nobody_knows(self) -> None:
        with pytest.raises(ConfigurationError, match=r"nowhere\.invalid"):
            await self.find("unix:///x", advertise="nowhere.invalid")


class TestParcels:
    def test_the_same_content_has_the_same_name(self, tmp_path: Path) -> None:
        digests = []
        for name in ("one", "other"):
            folder = tmp_path / name
            (folder / "package").mkdir(parents=True)
            (folder / "package" / "module.py").write_text("x = 1")
            (folder / "link").symlink_to("package/module.py")
            digests.append(pack([(folder, "")], tmp_path).digest)
            os.utime(folder / "package" / "module.py", (1, 1))
        assert digests[0] == digests[1]
        (tmp_path / "other" / "package" / "module.py").chmod(0o755)
        assert pack([(tmp_path / "other", "")], tmp_path).digest != digests[0]

    def test_what_is_in_it(self, tmp_path: Path) -> None:
        low, high, file = tmp_path / "low", tmp_path / "high", tmp_path / "six.py"
        for folder in (low, high):
            folder.mkdir()
            (folder / "both").write_text(folder.name)
        (low / "one").write_text("low")
        (low / "one").chmod(0o666)
        file.write_text("")
        os.mkfifo(low / "pipe")
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(low / "socket"))
        packed = pack([(low, ""), (high, ""), (high, "package"), (file, "six.py")], tmp_path)
        with tarfile.open(packed.file) as archive:
            members = {member.name: member for member in archive}
            both = archive.extractfile("both")
            assert both is not None
            assert both.read() == b"high"
        assert sorted(members) == ["both", "one", "package", "package/both", "pipe", "six.py"]
        assert members["one"].mode == 0o644
        assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}
        assert list(tmp_path.glob("*.new")) == []

    def test_a_change_is_noticed_without_reading(self, tmp_path: Path) -> None:
        code = tmp_path / "code"
        code.mkdir()
        before = signature([(code, "")])
        (code / "app.py").write_text("x")
        after = signature([(code, "")])
        os.utime(code / "app.py", (1, 1))
        assert len({before, after, signature([(code, "")])}) == 3

    def test_what_can_not_be_read_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="gone"):
            pack([(tmp_path / "gone", "gone")], tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestReception:
    async def test_each_token_is_good_once(self) -> None:
        callbacks = CallbackServer("127.0.0.1")
        token = callbacks.make_token()
        expected = callbacks.expect(token)
        reader, writer = await asyncio.open_connection("127.0.0.1", callbacks.port)
        writer.write(f"{token}\nwhat follows".encode())
        channel = await expected
        assert await asyncio.get_running_loop().sock_recv(channel, 100) == b"what follows"
        again, second = await asyncio.open_connection("127.0.0.1", callbacks.port)
        second.write(f"{token}\n".encode())
        assert await again.read() == b""
        channel.close()
        assert await reader.read() == b""
        for each in (writer, second):
            each.close()
        await callbacks.close()

    @pytest.mark.parametrize("said", ["", "\n", "x" * 100, "0" * 33])
    async def test_nobody_else_is_let_in(self, said: str) -> None:
        callbacks = CallbackServer("127.0.0.1")
        expected = callbacks.expect(callbacks.make_token())
        reader, writer = await asyncio.open_connection("127.0.0.1", callbacks.port)
        writer.write(said.encode())
        writer.write_eof()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert not expected.done()
        expected.cancel()
        writer.close()
        await callbacks.close()


class TestTunnel:
    def test_no_ssh(self, tmp_path: Path) -> None:
        tunnel = Tunnel("ssh://far", {"PATH": str(tmp_path)})
        with pytest.raises(EngineFault, match="ssh can't be run"):
            tunnel.open()
        tunnel.close()
        with pytest.raises(EngineFault, match="closed"):
            tunnel.open()

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            ("ssh://far", "/var/run/docker.sock"),
            ("ssh://far/run/user/1/d.sock", "/run/user/1/d.sock"),
        ],
    )
    def test_what_ssh_is_asked_for(self, tmp_path: Path, url: str, path: str) -> None:
        said = tmp_path / "said"
        (tmp_path / "ssh").write_text(f'#!/bin/sh\necho "$@" >{said}\nexec /bin/cat\n')
        (tmp_path / "ssh").chmod(0o755)
        tunnel = Tunnel(url.replace("far", "me@far:2222"), {"PATH": str(tmp_path)})
        local = tunnel.open().removeprefix("unix://")
        assert tunnel.open() == f"unix://{local}"
        words = said.read_text().split()
        assert words[:3] == ["-T", "-L", f"{local}:{path}"]
        assert words[-7:] == ["-p", "2222", "-l", "me", "--", "far", "cat"]
        assert "BatchMode=yes" in words
        tunnel.close()
        assert not Path(local).parent.exists()
