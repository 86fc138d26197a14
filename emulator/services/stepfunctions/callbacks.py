"""Answers by task token: success, failure, and that it still takes a while.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
"""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions.activities import set_heartbeat
from emulator.services.stepfunctions.state import of
from emulator.workflows import json_text


async def send_task_success(ctx: Context, request: Request) -> Response:
    """Handle SendTaskSuccess; it returns once the answer is kept.

    Raises:
        AwsError: InvalidOutput, InvalidToken, TaskTimedOut.
    """
    text = request["output"]
    try:
        result = json_text.read(text)
    except ValueError as error:
        raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
    engine = of(ctx).engine
    execution, thread = await engine.answered(request["taskToken"])
    of(ctx).tasks.succeed(execution, thread, result, text)
    await engine.kept(execution)
    return {}


async def send_task_failure(ctx: Context, request: Request) -> Response:
    """Handle SendTaskFailure; it returns once the answer is kept.

    Raises:
        AwsError: InvalidToken, TaskTimedOut.
    """
    engine = of(ctx).engine
    execution, thread = await engine.answered(request["taskToken"])
    of(ctx).tasks.fail(execution, thread, request.get("error"), request.get("cause"))
    await engine.kept(execution)
    return {}


async def send_task_heartbeat(ctx: Context, request: Request) -> Response:
    """Handle SendTaskHeartbeat.

    Raises:
        AwsError: InvalidToken, TaskTimedOut.
    """
    engine = of(ctx).engine
    execution, thread = await engine.awaited(request["taskToken"])
    set_heartbeat(ctx, execution, thread)
    await engine.kept(execution)
    return {}
