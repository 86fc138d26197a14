"""Sampling rules: which requests services are to trace.

Functions are not sampled by them, as on AWS; SDKs and daemons ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.arn import PARTITION
from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.xray import state, tagging
from emulator.services.xray.errors import invalid
from emulator.services.xray.paging import page

_DEFAULT = "Default"
#: The rule that every account has: one request a second, and 5 % of the others.
_DEFAULT_RULE: dict[str, Any] = {
    "RuleName": _DEFAULT,
    "ResourceARN": "*",
    "Priority": 10000,
    "FixedRate": 0.05,
    "ReservoirSize": 1,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "Version": 1,
    "Attributes": {},
}
#: Rules of an account and region, without the default.
_MOST = 25
#: Seconds until a client is to ask again, and for which its share of a reservoir holds.
_INTERVAL_S = 10
#: What the default rule may not change.
_FIXED_IN_DEFAULT = (
    "ResourceARN", "Priority", "Host", "ServiceName", "ServiceType", "HTTPMethod", "URLPath",
    "Attributes",
)  # fmt: skip


async def get_sampling_rules(ctx: Context, request: Request) -> Response:
    """List the sampling rules of an account, the default one among them.

    https://docs.aws.amazon.com/xray/latest/api/API_GetSamplingRules.html
    """
    bodies = _every(ctx)
    every = sorted(
        bodies.values(), key=lambda body: (body["rule"]["Priority"], body["rule"]["RuleName"])
    )
    shown, token = page([_record(each) for each in every], request)
    return {"SamplingRuleRecords": shown, "NextToken": token}


def _every(ctx: Context) -> dict[str, dict[str, Any]]:
    """Return all rules by name, the default among them."""
    table = state.of(ctx).rules
    names = table.keys(ctx.account, ctx.region)
    found = {each: table.find(ctx.account, ctx.region, each) or {} for each in names}
    if _DEFAULT not in found:
        arn = _arn(ctx, _DEFAULT)
        rule = {**_DEFAULT_RULE, "RuleARN": arn}
        found[_DEFAULT] = {"arn": arn, "rule": rule, "created_at": 0.0, "modified_at": 0.0}
    return found


def _arn(ctx: Context, name: str) -> str:
    return f"arn:{PARTITION}:xray:{ctx.region}:{ctx.account}:sampling-rule/{name}"


def _record(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "SamplingRule": body["rule"],
        "CreatedAt": body["created_at"],
        "ModifiedAt": body["modified_at"],
    }


async def create_sampling_rule(ctx: Context, request: Request) -> Response:
    """Make a sampling rule.

    https://docs.aws.amazon.com/xray/latest/api/API_CreateSamplingRule.html
    """
    rule = dict(request["SamplingRule"])
    name = rule.get("RuleName")
    if not name:
        raise invalid("RuleName is required.")
    if rule.get("RuleARN"):
        raise invalid("RuleARN must not be specified when creating a sampling rule.")
    if rule["Version"] != 1:
        raise invalid("Version must be 1.")
    every = _every(ctx)
    if name in every:
        raise invalid("Sampling rule already exists.")
    if len(every) > _MOST:
        raise AwsError("RuleLimitExceededException", "The maximum number of rules is 25.")
    now = ctx.clock.now()
    made = {**rule, "RuleARN": _arn(ctx, name), "Attributes": rule.get("Attributes") or {}}
    body = {
        "arn": made["RuleARN"],
        "rule": made,
        "created_at": now,
        "modified_at": now,
        "tags": tagging.read(request.get("Tags"), {}),
    }
    await state.of(ctx).rules.put(ctx.account, ctx.region, name, body)
    return {"SamplingRuleRecord": _record(body)}


async def update_sampling_rule(ctx: Context, request: Request) -> Response:
    """Change a sampling rule.

    https://docs.aws.amazon.com/xray/latest/api/API_UpdateSamplingRule.html
    """
    given = {
        key: value for key, value in request["SamplingRuleUpdate"].items() if value is not None
    }
    name, body = _find(ctx, given)
    changes = {key: value for key, value in given.items() if key not in ("RuleName", "RuleARN")}
    if name == _DEFAULT and any(each in changes for each in _FIXED_IN_DEFAULT):
        raise invalid("Only the fixed rate and reservoir size of the default rule can be updated.")
    if not 0 <= changes.get("FixedRate", 0) <= 1:
        raise invalid("FixedRate must be between 0 and 1.")
    if changes.get("ReservoirSize", 0) < 0:
        raise invalid("ReservoirSize must not be negative.")
    if not 1 <= changes.get("Priority", 1) <= 9999:
        raise invalid("Priority must be between 1 and 9999.")
    changed = {**body, "rule": {**body["rule"], **changes}, "modified_at": ctx.clock.now()}
    await state.of(ctx).rules.put(ctx.account, ctx.region, name, changed)
    return {"SamplingRuleRecord": _record(changed)}


async def delete_sampling_rule(ctx: Context, request: Request) -> Response:
    """Remove a sampling rule.

    https://docs.aws.amazon.com/xray/latest/api/API_DeleteSamplingRule.html
    """
    name, body = _find(ctx, request)
    if name == _DEFAULT:
        raise invalid("The default rule cannot be deleted.")
    await state.of(ctx).rules.delete(ctx.account, ctx.region, name)
    return {"SamplingRuleRecord": _record(body)}


def _find(ctx: Context, named: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the rule that is named, and its name.

    Raises:
        AwsError: None is named, or both ways at once, or there is none.
    """
    name, arn = named.get("RuleName"), named.get("RuleARN")
    if bool(name) == bool(arn):
        raise invalid("Either RuleName or RuleARN must be specified, but not both.")
    for each, body in _every(ctx).items():
        if each == name or body["arn"] == arn:
            return each, body
    raise invalid("Sampling rule does not exist.")


async def get_sampling_targets(ctx: Context, request: Request) -> Response:
    """Tell a client how much it may sample.

    https://docs.aws.amazon.com/xray/latest/api/API_GetSamplingTargets.html

    Each client gets the whole reservoir: here, it is hardly ever more than one.
    """
    every = _every(ctx)
    now = ctx.clock.now()
    targets, unknown = [], []
    for each in request["SamplingStatisticsDocuments"]:
        body = every.get(each["RuleName"])
        if body is None:
            told = {"ErrorCode": "400", "Message": "Unknown rule"}
            unknown.append({"RuleName": each["RuleName"], **told})
            continue
        rule = body["rule"]
        targets.append(
            {
                "RuleName": rule["RuleName"],
                "FixedRate": rule["FixedRate"],
                "ReservoirQuota": rule["ReservoirSize"],
                "ReservoirQuotaTTL": now + _INTERVAL_S,
                "Interval": _INTERVAL_S,
            }
        )
    return {
        "SamplingTargetDocuments": targets,
        "LastRuleModification": max(body["modified_at"] for body in every.values()),
        "UnprocessedStatistics": unknown,
    }


async def get_sampling_statistic_summaries(ctx: Context, request: Request) -> Response:
    """List what clients have sampled: nothing of it is kept.

    https://docs.aws.amazon.com/xray/latest/api/API_GetSamplingStatisticSummaries.html

    What clients report of their sampling is not kept.
    """
    shown, token = page([], request)
    return {"SamplingStatisticSummaries": shown, "NextToken": token}
