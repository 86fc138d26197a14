"""Rules: which events of a bus go to which targets, or when.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html
"""

from __future__ import annotations

from typing import Any

import orjson

from emulator.schedules.errors import ScheduleError
from emulator.schedules.expressions import parse_rule_expression
from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import DEFAULT, BusPlace
from emulator.services.events.buses import found as found_bus
from emulator.services.events.errors import bad_pattern, invalid, no_rule
from emulator.services.events.listing import page
from emulator.services.events.rule import Rule
from emulator.services.events.state import of
from emulator.services.events.tags import tags_of
from emulator.sources.pattern_reasons import explain
from emulator.sources.patterns import InvalidPattern, Pattern

#: What changing a rule leaves as it is.
_STAYS = ("created_by", "created", "tags", "targets")


def compiled(text: str) -> Pattern:
    """Return a pattern.

    Raises:
        AwsError: InvalidEventPatternException.
    """
    try:
        return Pattern(text)
    except InvalidPattern as error:
        raise bad_pattern(explain(text) or str(error)) from error


def found(ctx: Context, request: Request, member: str = "Name") -> Rule:
    """Return the rule that a request names.

    Raises:
        AwsError: There is no such bus, or no such rule.
    """
    bus, _ = found_bus(ctx, request.get("EventBusName"))
    rule = of(ctx).rule(bus, request[member])
    if rule is None:
        raise no_rule(request[member], bus.name)
    return rule


async def put_rule(ctx: Context, request: Request) -> Response:
    """Handle PutRule: make a rule, or change one; its targets and tags stay."""
    bus, _ = found_bus(ctx, request.get("EventBusName"))
    name, pattern = request["Name"], request.get("EventPattern")
    schedule = request.get("ScheduleExpression")
    if not pattern and not schedule:
        raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if pattern:
        compiled(pattern)
    if schedule:
        _check_schedule(bus, schedule)
    before = of(ctx).rule(bus, name)
    body: dict[str, Any] = {
        "name": name,
        "pattern": pattern,
        "schedule": schedule,
        "state": request.get("State") or "ENABLED",
        "description": request.get("Description"),
        "role": request.get("RoleArn"),
        "created_by": ctx.account,
        "created": ctx.clock.now(),
        "tags": tags_of(request),
        "targets": [],
    }
    if before is not None:
        body = {**before.body, **body} | {key: before.body[key] for key in _STAYS}
    await of(ctx).put_rule(bus, body)
    return {"RuleArn": Rule(bus, body).arn}


def _check_schedule(bus: BusPlace, text: str) -> None:
    if bus.name != DEFAULT:
        raise invalid("ScheduleExpression is supported only on the default event bus.")
    try:
        parse_rule_expression(text)
    except ScheduleError as error:
        raise invalid("Parameter ScheduleExpression is not valid.") from error


async def delete_rule(ctx: Context, request: Request) -> Response:
    """Handle DeleteRule; one that is not there is no error."""
    bus, _ = found_bus(ctx, request.get("EventBusName"))
    rule = of(ctx).rule(bus, request["Name"])
    if rule is not None:
        if rule.body["targets"]:
            raise invalid("Rule can't be deleted since it has targets.")
        await of(ctx).drop_rule(bus, request["Name"])
    return {}


def _shown(rule: Rule) -> dict[str, Any]:
    body = rule.body
    return {
        "Name": body["name"],
        "Arn": rule.arn,
        "EventPattern": body["pattern"],
        "ScheduleExpression": body["schedule"],
        "State": body["state"],
        "Description": body["description"],
        "RoleArn": body["role"],
        "EventBusName": rule.bus.name,
    }


async def describe_rule(ctx: Context, request: Request) -> Response:
    """Handle DescribeRule."""
    rule = found(ctx, request)
    return {**_shown(rule), "CreatedBy": rule.body["created_by"]}


async def list_rules(ctx: Context, request: Request) -> Response:
    """Handle ListRules."""
    bus, _ = found_bus(ctx, request.get("EventBusName"))
    prefix = request.get("NamePrefix") or ""
    every = [_shown(each) for each in of(ctx).rules_of(bus) if each.body["name"].startswith(prefix)]
    return page(every, request, "Rules")


async def enable_rule(ctx: Context, request: Request) -> Response:
    """Handle EnableRule."""
    rule = found(ctx, request)
    await of(ctx).put_rule(rule.bus, {**rule.body, "state": "ENABLED"})
    return {}


async def disable_rule(ctx: Context, request: Request) -> Response:
    """Handle DisableRule."""
    rule = found(ctx, request)
    await of(ctx).put_rule(rule.bus, {**rule.body, "state": "DISABLED"})
    return {}


async def list_rule_names_by_target(ctx: Context, request: Request) -> Response:
    """Handle ListRuleNamesByTarget."""
    bus, _ = found_bus(ctx, request.get("EventBusName"))
    every = [
        rule.body["name"]
        for rule in of(ctx).rules_of(bus)
        if any(each["Arn"] == request["TargetArn"] for each in rule.body["targets"])
    ]
    return page(every, request, "RuleNames")


#: What an event to test a pattern with must have.
_MEMBERS = ("id", "account", "source", "time", "region", "resources", "detail-type")


async def test_event_pattern(ctx: Context, request: Request) -> Response:
    """Handle TestEventPattern."""
    try:
        event = orjson.loads(request["Event"])
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        raise invalid("Parameter Event is not valid.")
    return {"Result": compiled(request["EventPattern"]).matches(event)}
