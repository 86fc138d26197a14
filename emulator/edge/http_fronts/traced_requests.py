"""Requests to APIs as segments of traces.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-enabling-xray.html
"""

from __future__ import annotations

from typing import Any

from emulator.edge.http_fronts.exchange import HttpRequest
from emulator.model.clock import Clock
from emulator.telemetry.traces import header
from emulator.telemetry.traces.tracer import Tracer


class TracedRequest:
    """A request to a stage that traces, from now until :meth:`end`.

    What the API calls goes on with the trace: the request's trace header is changed.

    Args:
        tracer: Takes the segment.
        clock: The emulator's.
        request: The request.
        api: Its API: ``account``, ``region``, ``id``, ``name``.
        stage: The name of its stage.
    """

    def __init__(
        self, tracer: Tracer, clock: Clock, request: HttpRequest, api: dict[str, str], stage: str
    ) -> None:
        self._tracer, self._clock = tracer, clock
        self._request, self._api, self._stage = request, api, stage
        came = header.read(request.trace_id)
        self._came = came
        # What the caller has decided stands; else all requests are traced.
        self._sampled = came.sampled is not False and bool(came.root)
        self._id = header.new_id()
        if self._sampled:
            text = header.TraceHeader(came.root, self._id, True, came.rest)
            request.trace_id = str(text)

    def end(self, status: int, length: int) -> None:
        """Tell of its answer.

        Args:
            status: The HTTP status.
            length: Bytes of the answer.
        """
        if not self._sampled:
            return
        api, request = self._api, self._request
        arn = f"arn:aws:apigateway:{api['region']}::/{api['kind']}/{api['id']}/stages/{self._stage}"
        document: dict[str, Any] = {
            "id": self._id,
            "name": f"{api['name'] or api['id']}/{self._stage}",
            "start_time": request.now,
            "trace_id": self._came.root,
            "end_time": max(request.now, self._clock.now()),
            "http": {
                "request": {
                    "url": f"{request.scheme}://{request.domain_name}{request.raw_path}",
                    "method": request.method,
                    "client_ip": request.source_ip,
                    "user_agent": request.header("user-agent") or "",
                },
                "response": {"status": status, "content_length": length},
            },
            "aws": {
                "account_id": api["account"],
                "api_gateway": {
                    "account_id": api["account"],
                    "rest_api_id": api["id"],
                    "stage": self._stage,
                    "request_id": request.request_id,
                },
            },
            "origin": "AWS::ApiGateway::Stage",
            "resource_arn": arn,
        }
        if self._came.parent:
            document["parent_id"] = self._came.parent
        if status >= 500:
            document["fault"] = True
        elif status >= 400:
            document["error"] = True
            if status == 429:
                document["throttle"] = True
        self._tracer.take([(api["account"], api["region"], document)])
