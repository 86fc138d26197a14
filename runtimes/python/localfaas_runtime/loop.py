"""Load the handler once, then serve invocations until the channel closes."""

from __future__ import annotations

import importlib
import os
import sys

from . import errors, logs, marshal
from .context import LambdaContext, of_function
from .errors import Fault

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .client import Client
    from .imports import Tracer


def run(channel: Client, handler_name: str) -> None:
    """Serve ``handler_name`` over ``channel``. Ends by SystemExit."""
    logs.set_up()
    if "LOCALFAAS_DEBUG" in os.environ:
        from . import debugging

        debugging.listen(os.environ.pop("LOCALFAAS_DEBUG"))
    elif "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = _no_debugger
    tracer = _tracer()
    try:
        handler = load(handler_name)
    except Exception as error:  # noqa: BLE001 (reported, whatever it is)
        result = errors.result(error)
        logs.unhandled_warning()
        logs.error(result)
        channel.send(
            *channel.post("init/error", marshal.encode(result), error_type=result["errorType"])
        )
        channel.receive()
        sys.exit(1)
    if tracer is not None:
        channel.send(*channel.post("init/imports", tracer.end()))
        channel.skip()
    if snapshot_wanted():
        from . import snapshot

        channel = snapshot.pass_through(channel)
    function = of_function()
    channel.send(channel.next)
    while True:
        _, headers, body = channel.receive()
        answer = _invoke(channel, handler, function, headers, body)
        # The request for the next invocation goes out with the answer, in one write: the other
        # side wakes up once. Whether the answer was taken (it may be too large) changes nothing.
        channel.send(*answer, channel.next)
        channel.skip()


def _no_debugger(*_: object, **__: object) -> None:
    """Say what to do instead of waiting for a terminal that is not there."""
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "NAME")
    print(f"breakpoint(): no debugger here; start localfaas up --debug {name}", file=sys.stderr)


def _tracer() -> Tracer | None:
    """Return what measures imports from now on; None where nobody has asked for it."""
    if os.environ.pop("LOCALFAAS_TRACE_IMPORTS", None) is None:
        return None
    from .imports import Tracer

    tracer = Tracer()
    tracer.begin()
    return tracer


def snapshot_wanted() -> bool:
    """Say whether this runtime is to be restored from a snapshot."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def _invoke(
    channel: Client,
    handler: Callable[[Any, LambdaContext], Any],
    function: dict[str, str | None],
    headers: dict[str, str],
    body: bytes,
) -> tuple[bytes, bytes]:
    """Return the parts of the request that answers one invocation."""
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    logs.request.aws_request_id = request_id
    logs.request.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace = headers.get("lambda-runtime-trace-id")
    if trace is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    path = f"invocation/{request_id}/"
    try:
        context = LambdaContext(function, headers)
        event = marshal.event(body, headers.get("content-type", ""))
        answer, content_type = marshal.response(handler(event, context))
        return channel.post(path + "response", answer, content_type)
    except Exception as error:  # noqa: BLE001 (reported, whatever it is)
        result = errors.result(error, request_id)
        logs.error(result)
        kind = result["errorType"]
        return channel.post(path + "error", marshal.encode(result), error_type=kind)


def load(name: str) -> Any:
    """Return the handler called ``name``, e.g. "app.handler" or "package/app.handler"."""
    module_name, dot, function = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault(
            "Runtime.ImportModuleError",
            f"Unable to import module '{module_name}': {error}",
        ) from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault(
            "Runtime.UserCodeSyntaxError",
            f"Syntax error in module '{module_name}': {error}",
            trace,
        ) from None
    try:
        return getattr(module, function)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound",
            f"Handler '{function}' missing on module '{module_name}'",
        ) from None
