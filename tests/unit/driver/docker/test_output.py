"""What an engine passes on of its containers' output."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from docker import APIClient

from emulator.driver.docker.output import OutputPump
from emulator.driver.docker.responses import AttachedOutput
from tests.patience import PATIENCE_S

_HEAD = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


async def test_what_comes_with_the_head_is_kept(tmp_path: Path) -> None:
    """As where a process prints, and ends, before the engine has answered."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(size[1]) if size else 0)
        writer.write(_HEAD + b"\1\0\0\0\0\0\0\5first" + b"\2\0\0\0\0\0\0\6, and ")
        await asyncio.sleep(0)
        writer.write(b"\1\0\0\0\0\0\0\4last")
        writer.close()

    place = tmp_path / "engine"
    async with await asyncio.start_unix_server(serve, place):
        client = APIClient(f"unix://{place}", version="1.41")
        stream = await asyncio.to_thread(client.exec_start, "run", socket=True)
        over = asyncio.Event()
        pump = OutputPump(AttachedOutput.of(stream), over.set)
        await asyncio.wait_for(over.wait(), PATIENCE_S)
        client.close()
    try:
        assert os.read(pump.output, 100) == b"first, and last"
        assert pump.last == b"first, and last"
    finally:
        os.close(pump.output)
