"""Requests to the user's endpoints: what is read of long answers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest

from emulator.invoke import http_client, outgoing
from emulator.invoke.http_client import HttpFailure, fetch


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


async def test_a_long_answer_is_cut_or_a_failure(url: str) -> None:
    whole = await fetch("GET", url, timeout_s=60)
    assert len(whole.body) == 200_000
    cut = await fetch("GET", url, timeout_s=60, most=1000, cuts=True)
    assert (cut.status, len(cut.body)) == (200, 1000)
    with pytest.raises(HttpFailure, match="more than 1000 bytes"):
        await fetch("GET", url, timeout_s=60, most=1000)
    assert (await fetch("GET", url, timeout_s=60, most=None)).body == b""


async def test_a_connection_is_known_as_our_own_while_it_is_open() -> None:
    seen: list[bool] = []
    ends: list[tuple[str, int]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer.get_extra_info("peername"))
        seen.append(outgoing.has_made(ends[0]))
        seen.append(outgoing.has_made((f"::ffff:{ends[0][0]}", ends[0][1])))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read()
        writer.close()
        done.set()

    done = asyncio.Event()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert (await fetch("GET", f"http://127.0.0.1:{port}/", timeout_s=60)).status == 204
        await done.wait()
    assert seen == [True, True]
    assert not outgoing.has_made(ends[0])


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.170.2",
        "169.254.170.23",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "169.254.0.23",
        "169.254.42.42",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "fd00:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::ffff:100.100.100.200",
    ],
)
def test_where_clouds_keep_credentials_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="where clouds keep"):
        http_client._refuse_clouds(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "fd00::1",
        "2001:db8::1",
        "169.254.1.2",
        "100.100.2.136",
        "168.63.129.17",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
    ],
)
def test_other_addresses_are_not(address: str) -> None:
    http_client._refuse_clouds(address)


async def test_nothing_is_sent_to_an_address_that_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_client, "_OF_CLOUDS", (ipaddress.ip_network("127.0.0.0/8"),))
    came = asyncio.get_running_loop().create_future()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(HttpFailure, match="where clouds keep"):
            await fetch("GET", f"http://127.0.0.1:{port}/", timeout_s=60)
        assert await came == b""


async def test_who_resets_a_connection_at_once_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def connect_in_vain(sock: socket.socket, address: tuple[str, int]) -> None:
        await connect(sock, address)
        server.close()  # whom it has not accepted yet, it resets

    monkeypatch.setattr(loop, "sock_connect", connect_in_vain)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(HttpFailure, match="reset"):
            await fetch("GET", f"http://127.0.0.1:{port}/", timeout_s=60)


async def test_nothing_is_sent_that_is_not_known_as_our_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: socket.socket) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    came = asyncio.get_running_loop().create_future()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError):
            came.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        # As on macOS, where a connection that was reset has no address any more.
        monkeypatch.setattr(socket.socket, "getsockname", fail, raising=False)
        with pytest.raises(HttpFailure, match="reset at once"):
            await fetch("GET", f"http://127.0.0.1:{port}/", timeout_s=60)
        assert await came == b""
