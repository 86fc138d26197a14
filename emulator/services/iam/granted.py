"""What an account's principals are granted, and what that adds up to.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from emulator.access.decision import Asked, Decision, Granted, Policy, context_keys, decide
from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.iam import entities
from emulator.services.iam.managed import document
from emulator.services.iam.state import Entity, Iam, of


def granted_to(state: Iam, account: str, kind: str, name: str) -> Granted | None:
    """Return what a role, a user or a group is granted; None if it is not there."""
    entity = state.find(account, kind, name)
    if entity is None:
        return None
    found = list(_of(state, account, entity))
    if kind == "user":
        for group_name in entity.get("groups", []):
            group = state.find(account, "group", group_name)
            found += [] if group is None else _of(state, account, group)
    boundary = entity.get("boundary")
    return Granted(
        identity=found,
        boundary=None if not boundary else _managed(state, account, boundary),
    )


def _of(state: Iam, account: str, entity: Entity) -> Iterator[Policy]:
    for text in entity.get("inline", {}).values():
        yield json.loads(text)
    for arn in entity.get("attached", []):
        yield _managed(state, account, arn)


def _managed(state: Iam, account: str, arn: str) -> Policy:
    own = state.find(account, "policy", arn)
    if own is None:
        text = document(arn.rpartition("/")[2])
    else:
        text = own["versions"][own["default"]]["document"]
    policy: Policy = json.loads(text)
    return policy


def session_policies(state: Iam, account: str, given: Sequence[str]) -> list[Policy]:
    """Return the policies of a session.

    Args:
        state: The service's.
        account: The session's.
        given: JSON, or ARNs of managed policies.
    """
    return [
        json.loads(each) if each.lstrip().startswith("{") else _managed(state, account, each)
        for each in given
    ]


# -- simulations --------------------------------------------------------------------------------


async def simulate_principal_policy(ctx: Context, request: Request) -> Response:
    """Handle SimulatePrincipalPolicy."""
    granted = _principal(ctx, str(request["PolicySourceArn"]))
    return _simulated(ctx, request, granted)


async def simulate_custom_policy(ctx: Context, request: Request) -> Response:
    """Handle SimulateCustomPolicy."""
    return _simulated(ctx, request, Granted(identity=_read(request["PolicyInputList"])))


async def get_context_keys_for_principal_policy(ctx: Context, request: Request) -> Response:
    """Handle GetContextKeysForPrincipalPolicy."""
    granted = _principal(ctx, str(request["PolicySourceArn"]))
    more = _read(request.get("PolicyInputList") or [])
    return {"ContextKeyNames": context_keys([*granted.identity, *more])}


async def get_context_keys_for_custom_policy(ctx: Context, request: Request) -> Response:
    """Handle GetContextKeysForCustomPolicy."""
    return {"ContextKeyNames": context_keys(_read(request["PolicyInputList"]))}


def _principal(ctx: Context, arn: str) -> Granted:
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    found = None
    if kind in ("role", "user", "group"):
        found = granted_to(of(ctx), ctx.account, kind, name)
    if found is None:
        raise entities.no_such_entity(kind, name)
    return found


def _read(texts: Sequence[str]) -> list[Policy]:
    found = []
    for text in texts:
        entities.checked_document(text)
        found.append(json.loads(text))
    return found


def _simulated(ctx: Context, request: Request, granted: Granted) -> Response:
    bounds = request.get("PermissionsBoundaryPolicyInputList") or []
    granted = Granted(
        identity=[*granted.identity, *_read(request.get("PolicyInputList") or [])]
        if ctx.operation == "SimulatePrincipalPolicy"
        else granted.identity,
        boundary=next(iter(_read(bounds)), granted.boundary),
    )
    context = {
        each["ContextKeyName"].lower(): str((each.get("ContextKeyValues") or [""])[0])
        for each in request.get("ContextEntries") or []
    }
    own = request.get("ResourcePolicy")
    results = []
    for action in request["ActionNames"]:
        if ":" not in action:
            raise AwsError("InvalidInput", f"Invalid action name: {action}", status=400)
        for resource in request.get("ResourceArns") or ["*"]:
            decision = decide(
                granted,
                Asked(
                    action=action,
                    resource=resource,
                    context=context,
                    principals=[str(request.get("CallerArn") or ""), ctx.account],
                    policy=json.loads(own) if own else None,
                ),
            )
            results.append(_result(action, resource, decision))
    return {"EvaluationResults": results, "IsTruncated": False}


def _result(action: str, resource: str, decision: Decision) -> dict[str, Any]:
    refused = "explicitDeny" if decision.explicit else "implicitDeny"
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": "allowed" if decision.allowed else refused,
        "MatchedStatements": [],
        "MissingContextValues": [],
    }
