"""What traced functions call in this emulator becomes part of their traces, without any SDK's help.

X-Ray shows such a call as a segment that it *infers* from the caller's: here it is known. Lambda
tells of its own invocations itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context
from emulator.services.service import Service
from emulator.telemetry.traces import header

#: Members that name what an operation is about, in the order in which they count.
_NAMES = (
    "TableName", "QueueUrl", "QueueName", "TopicArn", "TargetArn", "Bucket", "StreamName",
    "StreamARN", "SecretId", "stateMachineArn", "KeyId", "FunctionName", "Name", "name",
)  # fmt: skip


def is_traced(trace_id: str) -> bool:
    """Say whether a caller's trace header is of a trace that is recorded."""
    return "Sampled=1" in trace_id


async def run(
    service: Service,
    context: Context,
    request: Mapping[str, Any],
    handler: Callable[[Context, Mapping[str, Any]], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """Do an operation, and tell the trace of it.

    Raises:
        AwsError: As the operation.
    """
    came = header.read(context.trace_id)
    if not came.root or context.operation in service.spec.traced_otherwise:
        return await handler(context, request)
    began = context.clock.now()
    status, failed = 200, ""
    try:
        return await handler(context, request)
    except AwsError as error:
        status, failed = error.status or 400, error.code
        raise
    except Exception:
        status, failed = 500, "ServiceException"
        raise
    finally:
        document = _document(service, context, request, came, began, status, failed)
        tracer = context.parts.tracing.tracer
        tracer.take([(context.account, context.region, document)])


def _document(
    service: Service,
    context: Context,
    request: Mapping[str, Any],
    came: header.TraceHeader,
    began: float,
    status: int,
    failed: str,
) -> dict[str, Any]:
    title = service.spec.title
    aws = {
        "operation": context.operation,
        "region": context.region,
        "request_id": context.request_id,
        "account_id": context.account,
    }
    name = next((request[each] for each in _NAMES if isinstance(request.get(each), str)), "")
    if name:
        aws["resource_names"] = [name]  # type: ignore[assignment]
    document: dict[str, Any] = {
        "id": header.new_id(),
        "name": title,
        "start_time": began,
        "trace_id": came.root,
        "end_time": max(began, context.clock.now()),
        "http": {"response": {"status": status}},
        "aws": aws,
        "origin": service.spec.origin or f"AWS::{title.replace(' ', '')}",
        "inferred": True,
    }
    if came.parent:
        document["parent_id"] = came.parent
    if failed:
        document["fault" if status >= 500 else "error"] = True
        document["cause"] = {
            "exceptions": [{"id": header.new_id(), "type": failed, "message": failed}]
        }
        if status == 429 or "Throttl" in failed:
            document["throttle"] = True
    return document
