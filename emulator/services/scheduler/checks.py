"""What Scheduler checks of a schedule beyond its model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.schedules.errors import ScheduleError
from emulator.schedules.expressions import At, parse_schedule_expression
from emulator.schedules.schedule import zone_of
from emulator.services import sdk_calls
from emulator.services.scheduler.errors import invalid
from emulator.services.scheduler.sender import UNIVERSAL

if TYPE_CHECKING:
    from emulator.services.context import Parts

_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12})?:(.+)", re.DOTALL)
#: Services whose ARNs are targets; those that are not served here fail when they are called.
#: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
_TEMPLATED = frozenset(
    {
        "codebuild",
        "codepipeline",
        "ecs",
        "events",
        "firehose",
        "inspector",
        "kinesis",
        "lambda",
        "sagemaker",
        "sns",
        "sqs",
        "states",
    }
)
#: Parameters that go with one kind of target alone.
_PARAMETERS = {
    "EcsParameters": "ecs",
    "EventBridgeParameters": "events",
    "KinesisParameters": "kinesis",
    "SageMakerPipelineParameters": "sagemaker",
    "SqsParameters": "sqs",
}
_REQUIRED = ("EcsParameters", "EventBridgeParameters", "KinesisParameters")
#: Operations that only read are no universal targets.
#: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
_READING = re.compile(
    r"(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate"
    r"|batchGet|batchDescribe|batchRead|transactGet|adminGet|adminList|testMigration|retrieve"
    r"|testConnection|translateDocument|isAuthorized|invokeModel)(?=[A-Z]|$)"
)
#: Seconds that a StartDate may lie back.
_GRACE_S = 300.0


def check(parts: Parts, fields: Mapping[str, Any], now: float) -> None:
    """Check a schedule.

    Args:
        parts: The emulator's.
        fields: As GetSchedule shows them.
        now: The time.

    Raises:
        AwsError: ValidationException.
    """
    text = fields["ScheduleExpression"]
    try:
        expression = parse_schedule_expression(text)
    except ScheduleError as error:
        raise invalid(f"Invalid Schedule Expression {text}.") from error
    zone = fields["ScheduleExpressionTimezone"]
    try:
        zone_of(zone)
    except ScheduleError as error:
        raise invalid(f"Invalid Schedule Expression Timezone {zone}.") from error
    if not isinstance(expression, At):
        _check_dates(fields, now)
    _check_window(fields["FlexibleTimeWindow"])
    _check_target(parts, fields["Target"])


def _check_dates(fields: Mapping[str, Any], now: float) -> None:
    start, end = fields.get("StartDate"), fields.get("EndDate")
    if start is not None and start < now - _GRACE_S:
        raise invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if end is not None and end <= now:
        raise invalid("The EndDate you specify must be in the future.")
    if start is not None and end is not None and start >= end:
        raise invalid("The StartDate you specify must come before the EndDate.")


def _check_window(window: Mapping[str, Any]) -> None:
    minutes = window.get("MaximumWindowInMinutes")
    if window["Mode"] == "FLEXIBLE" and minutes is None:
        raise invalid(
            "MaximumWindowInMinutes must be provided when the flexible time window is FLEXIBLE."
        )
    if window["Mode"] == "OFF" and minutes is not None:
        raise invalid(
            "MaximumWindowInMinutes must not be provided when the flexible time window is OFF."
        )


def _check_target(parts: Parts, target: Mapping[str, Any]) -> None:
    arn = target["Arn"]
    match = _ARN.fullmatch(arn)
    if arn.startswith(UNIVERSAL):
        _check_universal(parts, target)
        return
    if match is None or not match[4]:
        raise invalid("Provided Arn is not in correct format.")
    service = match[2]
    if service not in _TEMPLATED:
        raise invalid(f"{arn} is not a supported target.")
    for name, owner in _PARAMETERS.items():
        if target.get(name) is not None and owner != service:
            raise invalid(f"{name} is not supported for the target {arn}.")
        if name in _REQUIRED and owner == service and target.get(name) is None:
            raise invalid(f"{name} must be provided for the target {arn}.")
    if service == "sqs" and arn.endswith(".fifo"):
        group = (target.get("SqsParameters") or {}).get("MessageGroupId")
        if not group:
            raise invalid("MessageGroupId must be provided for a FIFO queue.")
    if service in ("lambda", "states", "events") and target.get("Input"):
        _check_json(target["Input"])


def _check_universal(parts: Parts, target: Mapping[str, Any]) -> None:
    arn = target["Arn"]
    service, _, operation = arn.removeprefix(UNIVERSAL).partition(":")
    if not re.fullmatch(r"[a-z0-9]+", service) or not re.fullmatch(r"[a-z][A-Za-z0-9]*", operation):
        raise invalid("Provided Arn is not in correct format.")
    if _READING.match(operation):
        raise invalid(f"{arn} is not a supported target: operations that only read are none.")
    if target.get("Input"):
        given = _check_json(target["Input"])
        if not isinstance(given, dict):
            raise invalid("Invalid RequestJson provided. Reason: it is no JSON object.")
    if sdk_calls.service_of(parts, service) is not None:
        try:
            sdk_calls.find(parts, service, operation)
        except LookupError as error:
            raise invalid(f"{arn} is not a supported target: {error}.") from error


def _check_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid RequestJson provided. Reason: it is no JSON.") from error
