"""What is asked of a cluster's API, and called off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from emulator.driver.kubernetes.cluster import Cluster

_CONFIG = """
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{port}"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {{token: t}}}}]
current-context: c
"""


async def test_a_request_that_is_called_off_while_it_connects_leaves_no_connection(
    tmp_path: Path,
) -> None:
    pytest.importorskip("lightkube")
    greeted, gone = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    config = tmp_path / "config"
    config.write_text(_CONFIG.format(port=server.sockets[0].getsockname()[1]))
    cluster = Cluster(context="", namespace="n", environ={"KUBECONFIG": str(config)})
    await cluster.open()
    asking = asyncio.create_task(cluster.ask("GET", "pods"))
    await greeted.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # Whoever asks may end long after this; the connection ends now.
    await asyncio.wait_for(gone.wait(), 60)
    await cluster.close()
    server.close()
    await server.wait_closed()
