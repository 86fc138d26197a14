"""Serves a load balancer: every request to its port goes to its function.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson

from emulator.edge.guard import Guard
from emulator.edge.http_fronts.alb import payload
from emulator.edge.http_fronts.alb.balancer import Balancer
from emulator.edge.http_fronts.exchange import BodyTooLarge, HttpRequest, HttpResponse
from emulator.edge.http_fronts.payload_v2 import Malformed
from emulator.edge.router import Receive, Scope, Send, refuse
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id, new_trace_root

_log = logging.getLogger(__name__)

#: Seconds between two health checks, as usual for functions.
_CHECK_S = 35.0
_SERVER = (b"server", b"awselb/2.0")
_TITLES = {
    403: "Forbidden",
    413: "Request Entity Too Large",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
}


class LoadBalancer:
    """The ASGI application at one load balancer's port.

    Args:
        balancer: What it is to do.
        account: Of its function.
        region: Of its function.
        functions: Invokes it.
        guard: Refuses foreign hosts.
        clock: Says when health is checked.
        console: Where its user is told that health has changed.
    """

    def __init__(
        self,
        balancer: Balancer,
        *,
        account: str,
        region: str,
        functions: FunctionInvoker,
        guard: Guard,
        clock: Clock,
        console: Console,
    ) -> None:
        self._balancer = balancer
        self._account, self._region = account, region
        self._functions, self._guard = functions, guard
        self._clock, self._console = clock, console
        self._arn = payload.target_group_arn(account, region, balancer.function)
        self._checking: asyncio.Task[None] | None = None
        self._healthy = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        headers = dict(scope["headers"])
        refusal = self._guard.refuse(headers, any_origin=True)
        if refusal is not None or scope["type"] == "websocket":
            await refuse(scope, send, refusal or "Functions behind load balancers take none.")
            return
        now = self._clock.now()
        trace_id = headers.get(b"x-amzn-trace-id", b"").decode("latin-1") or new_trace_root(now)
        request = HttpRequest(
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1") or "/",
            query=scope["query_string"].decode("latin-1"),
            headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]],
            http_version=scope["http_version"],
            source_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
            port=(scope.get("server") or ("", 80))[1] or 80,
            scheme=scope["scheme"],
            request_id=new_request_id(),
            trace_id=trace_id,
            now=now,
            api_id="",
            domain_name=headers.get(b"host", b"").decode("latin-1"),
            scope=scope,
            receive=receive,
            send=send,
        )
        try:
            await request.read(payload.LARGEST)
        except BodyTooLarge:
            await request.answer(_error(413), [_SERVER])
            return
        event = payload.event_of(request, self._arn, multi_value=self._balancer.multi_value)
        await request.answer(await self._answer(event, trace_id), [_SERVER])

    async def _answer(self, event: dict[str, Any], trace_id: str) -> HttpResponse:
        """Return what the function answers, or the load balancer in its place."""
        balancer = self._balancer
        try:
            prepared = await self._functions.prepare(
                self._account,
                self._region,
                balancer.function,
                balancer.qualifier,
                orjson.dumps(event),
                trace_id=trace_id,
                is_json=True,
            )
            result = await self._functions.invoke(prepared)
            if result.function_error:
                raise Malformed("the function failed")
            return payload.response_of(result.payload, multi_value=balancer.multi_value)
        except AwsError as error:
            _log.warning("the load balancer at port %d: %s", balancer.port, error)
            return _error(413 if error.status == 413 else 502)
        except Malformed as error:
            _log.warning("the load balancer at port %d: %s", balancer.port, error)
            return _error(502)

    # --- health --------------------------------------------------------------------------------

    def start(self) -> None:
        """Check the function's health from now on, if it is to be checked."""
        if self._balancer.health_path:
            self._checking = asyncio.get_running_loop().create_task(self._check())

    async def close(self) -> None:
        """Check no more."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)

    async def _check(self) -> None:
        balancer = self._balancer
        event = payload.health_event(
            self._arn, balancer.health_path, multi_value=balancer.multi_value
        )
        while True:
            await self._clock.sleep(_CHECK_S)
            response = await self._answer(event, new_trace_root(self._clock.now()))
            healthy = response.status == 200
            if healthy != self._healthy:
                self._healthy = healthy
                state = "healthy" if healthy else f"unhealthy (it answered {response.status})"
                # With one target alone, a load balancer sends requests to it all the same.
                self._console.warn(
                    f"{balancer.function} is {state} to the load balancer at port {balancer.port}"
                )


def _error(status: int) -> HttpResponse:
    """Return an error page as load balancers have it."""
    title = f"{status} {_TITLES[status]}"
    text = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return HttpResponse(status, [(b"content-type", b"text/html")], text.encode())
