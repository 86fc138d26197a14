"""SQS's own door in a thread: the AWS edge, the operations, the engine and a store, no Lambda."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import uvicorn
from botocore.config import Config

from emulator.edge.aws_handler import AwsHandler
from emulator.model.clock import SystemClock
from emulator.queues.engine import Engine
from emulator.registry.document_store import DocumentStore
from emulator.services.sqs.queues import Sqs
from emulator.services.table import Table
from emulator.store.store import Store
from emulator.telemetry.logs import Logs
from emulator.telemetry.metrics.own import OwnMetrics


class SqsServer:
    """Serves until ``stop``. Everything is real but the parts SQS does not use."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._ready = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(60), "the server did not start"

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        clock = SystemClock()
        store = Store.open(self._folder)
        engine = await Engine.open(store.messages, clock)
        parts: Any = SimpleNamespace(
            clock=clock,
            queues=engine,
            documents=DocumentStore(),
            logs=Logs(clock),
            own_metrics=OwnMetrics(clock),
        )
        table = Table()
        await table.open(parts)
        self.sqs: Sqs = await table.state("sqs")
        handler = AwsHandler(table)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await handler(scope, dict(scope["headers"]), receive, send)

        self._server = uvicorn.Server(
            uvicorn.Config(application, http="httptools", lifespan="off", log_config=None)
        )
        serving = self._loop.create_task(self._server.serve(sockets=[self._socket]))
        self._ready.set()
        await serving
        await table.close()
        await engine.close()
        await store.close()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._socket.getsockname()[1]}"

    def client(self, account: str = "000000000000", region: str = "us-east-1") -> Any:
        return boto3.client(
            "sqs",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
        )

    def stop(self) -> None:
        def end() -> None:
            self.sqs.engine.drain()
            self._server.should_exit = True

        self._loop.call_soon_threadsafe(end)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the server did not end"
