"""Where sandboxes find the emulator that have an address of their own."""

from __future__ import annotations

import asyncio
import socket
import sys
import urllib.request

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver


class _Apart(ScriptedDriver):
    """Its sandboxes reach this machine at an address that is not the clients'."""

    listen_host = reach_host = "127.0.0.2"


@pytest.mark.skipif(sys.platform != "linux", reason="has one loopback address only")
async def test_any_port_is_another_one_where_the_clients_port_is_taken() -> None:
    emulator = Emulator(Settings(port=0), driver=_Apart())
    with socket.create_server((_Apart.listen_host, emulator.port)):
        ready = asyncio.Event()
        running = asyncio.ensure_future(emulator.run(ready.set))
        await asyncio.wait(
            {running, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        assert ready.is_set()
        url = f"{emulator.pools.endpoint_url}/2015-03-31/functions/"
        assert await asyncio.to_thread(_status, url) == 200
        emulator.stop()
        await running


def _status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return int(answer.status)
