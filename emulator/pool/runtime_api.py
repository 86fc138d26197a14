"""The Lambda Runtime API of one environment: HTTP between the runtime and the control plane.

Routes (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html)::

    GET  /2018-06-01/runtime/invocation/next           parked until there is an invocation
    POST /2018-06-01/runtime/invocation/{id}/response  202
    POST /2018-06-01/runtime/invocation/{id}/error     202
    POST /2018-06-01/runtime/init/error                202
    GET  /2018-06-01/runtime/restore/next              parked until it is restored (SnapStart)
    POST /2018-06-01/runtime/restore/error             202

A runtime connects to the environment's own TCP listener, or already holds a channel that its
driver gave it. A TCP connection must first prove that it comes from the environment: by its
addresses or, where those can't tell, by the host that its first request names. Requests may be
pipelined: our bootstraps send a response and the next ``next`` in one write, so that a warm invoke
wakes each side once.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING

from emulator.driver.base import Sandbox, Settle
from emulator.model.invocation import Invocation
from emulator.model.lazy import LazyModule
from emulator.pool.connection_gate import ConnectionGate
from emulator.pool.http_answers import RESTORED
from emulator.pool.runtime_connection import RuntimeConnection
from emulator.pool.runtime_events import Answers, RuntimeEvents

if TYPE_CHECKING:
    from emulator.pool.extensions import group, requests
else:
    group = LazyModule("emulator.pool.extensions.group")
    requests = LazyModule("emulator.pool.extensions.requests")

#: Connections that may wait to be judged.
_UNPROVEN = 64
#: Connections of one environment beside those whose ``next`` may wait: each costs a descriptor.
_MOST = 256


class RuntimeApi:
    """One environment's Runtime API: its listener, its connections, the parked ``next``."""

    def __init__(self, events: RuntimeEvents, answers: Answers, limit: int = 1) -> None:
        self.events = events
        self.answers = answers
        #: Calls of ``next`` that may wait at once.
        self._limit = limit
        self.connections: set[RuntimeConnection] = set()
        self._server: asyncio.Server | None = None
        self._parked: deque[RuntimeConnection] = deque()
        #: TCP connections of which it is not known yet whether they belong to this environment.
        self._unproven: set[RuntimeConnection] = set()
        #: The connection whose ``restore/next`` is parked.
        self._at_snapshot: RuntimeConnection | None = None
        self._gate = ConnectionGate()
        #: Those that run beside the runtime, and those that it has registered; None: none.
        self.extensions: group.Extensions | None = None
        #: The runtime is being ended: its ``next`` is answered no more.
        self.forgotten = False
        #: Seconds to wait for output that was printed before what a runtime says.
        self.lag = 0.0
        #: Says when all is there that was printed before; None: ``lag`` is waited for.
        self.settle: Settle | None = None

    async def listen(self, host: str) -> str:
        """Open the listener on a free port of ``host``; returns "host:port"."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self, tcp=True), host, 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"{host}:{port}"

    def expect(self, sandbox: Sandbox) -> None:
        """Say whose TCP connections are the environment's; those that came early had to wait."""
        self._gate.expect(sandbox.admits, sandbox.secret_host)
        if sandbox.extensions:
            self.extensions = group.Extensions(self.events, sandbox.extensions)
            self.extensions.check_number()
        self.lag, self.settle = sandbox.output_lag, sandbox.settle_output
        for connection in list(self._unproven):
            self.judge(connection)

    def judge(self, connection: RuntimeConnection) -> None:
        """Take a connection in, end it, or leave it waiting until more is known."""
        addresses = connection.addresses
        accepted = addresses is not None and self._gate.judge(addresses, connection.unproven)
        if accepted is None and (connection in self._unproven or len(self._unproven) < _UNPROVEN):
            self._unproven.add(connection)
            return
        self._unproven.discard(connection)
        if accepted and len(self.connections) < _MOST + self._limit:
            self.connections.add(connection)
            connection.accepted()
        else:
            connection.abort()

    async def adopt(self, channel: socket.socket) -> None:
        """Serve a connection that the driver has made already."""
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: RuntimeConnection(self, tcp=False), channel)

    @property
    def waiting(self) -> bool:
        """Whether a runtime's ``next`` is parked here."""
        return bool(self._parked)

    @property
    def full(self) -> bool:
        """Whether no more calls of ``next`` may wait."""
        return len(self._parked) >= self._limit

    def is_parked(self, connection: RuntimeConnection) -> bool:
        """Say whether a connection's ``next`` waits for an invocation."""
        return connection in self._parked

    def park(self, connection: RuntimeConnection) -> None:
        self._parked.append(connection)

    def unpark(self, connection: RuntimeConnection) -> None:
        """Forget that the connection's ``next`` waits."""
        self._parked.remove(connection)

    def answer_extension(
        self,
        connection: RuntimeConnection,
        method: bytes,
        url: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
    ) -> bytes | None:
        """Answer an extension; empty: its connection waits; None: it is no request of one."""
        if not requests.is_extensions(url):
            return None
        if self.extensions is None:
            self.extensions = group.Extensions(self.events, {})
        return requests.answer(
            self.extensions, self.events.version, connection, method, url, headers, body
        )

    def forget_runtime(self) -> None:
        """Give nothing more to a runtime that is being ended; extensions stay."""
        self.forgotten = True
        self._parked.clear()
        self._at_snapshot = None

    def hold(self, connection: RuntimeConnection) -> None:
        """Have the connection's ``restore/next`` wait."""
        self._at_snapshot = connection

    def let_go_on(self) -> None:
        """Answer the ``restore/next`` that waits."""
        connection, self._at_snapshot = self._at_snapshot, None
        if connection is not None:
            connection.write(RESTORED)

    def dispatch(self, invocation: Invocation, deadline_ms: int) -> None:
        """Answer the ``next`` that has waited longest with ``invocation``.

        Args:
            invocation: What the runtime gets.
            deadline_ms: When the invocation times out, milliseconds since the epoch.
        """
        parked = self._parked.popleft()
        parked.given = invocation.request_id
        optional = ""
        if invocation.client_context:
            optional += f"Lambda-Runtime-Client-Context: {invocation.client_context}\r\n"
        if invocation.tenant_id:
            optional += f"Lambda-Runtime-Aws-Tenant-Id: {invocation.tenant_id}\r\n"
        head = (
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {invocation.trace_id}\r\n"
            f"{optional}"
            f"Content-Length: {len(invocation.payload)}\r\n\r\n"
        )
        parked.write(head.encode("utf-8", "replace"), invocation.payload)

    def disconnect(self) -> None:
        """Close the connections of a runtime that is gone; the listener stays."""
        if self.extensions is not None:
            self.extensions.stopping = True
            self.extensions = None
        self.forgotten = False
        self._parked.clear()
        self._gate.forget()
        for connection in self.connections | self._unproven:
            connection.abort()
        self.connections.clear()
        self._unproven.clear()

    def resume_reading(self) -> None:
        """Read on whatever is held back: the last words of a runtime that has ended."""
        for connection in self.connections:
            connection.resume_reading()

    def close(self) -> None:
        """Close listener and connections."""
        self.disconnect()
        if self._server is not None:
            self._server.close()
            self._server = None

    def lost(self, connection: RuntimeConnection) -> None:
        """Take note that a connection has ended."""
        self._unproven.discard(connection)
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        if self.extensions is not None:
            self.extensions.lost(connection)
        if connection is self._at_snapshot:
            self._at_snapshot = None
        if connection in self._parked:
            self._parked.remove(connection)
        if not self.connections:
            self.events.runtime_disconnected()
