"""API keys and their usage plans, by which REST and WebSocket APIs let callers pass.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from emulator.services.apigateway.state import Gateway


class KeyRefused(Exception):
    """A caller's key does not let it pass.

    Args:
        why: Nobody has the key, or no plan of the stage; too many a second; none left.
    """

    def __init__(self, why: Literal["invalid", "throttled", "quota"]) -> None:
        super().__init__(why)
        self.why = why


def use_key(
    state: Gateway,
    value: str | None,
    *,
    account: str,
    region: str,
    api_id: str,
    stage: str,
    method: str = "",
) -> Mapping[str, Any]:
    """Return a caller's key, and count a request of it.

    Args:
        state: The keys and plans.
        value: Of the key; None: the caller has none.
        account: The API's.
        region: The API's.
        api_id: The API's id.
        stage: The stage's name.
        method: The method as plans throttle it: "/pets/GET".

    Raises:
        KeyRefused: The request may not pass; it is not counted.
    """
    key = state.keys.by_value(account, region, value) if value else None
    if key is None or not key["enabled"]:
        raise KeyRefused("invalid")
    plans = state.plans.of_stage(account, region, api_id, stage)
    plan = next((each for each in plans if key["id"] in each.get("keys", {})), None)
    if plan is None:
        raise KeyRefused("invalid")
    throttles: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []
    if plan.get("throttle"):
        throttles.append(((plan["id"], key["id"]), plan["throttle"]))
    for each in plan.get("apiStages") or ():
        own = (each.get("throttle") or {}).get(method)
        if own and (each["apiId"], each["stage"]) == (api_id, stage):
            throttles.append(((plan["id"], key["id"], method), own))
    for name, throttle in throttles:
        rate = float(throttle.get("rateLimit") or 0)
        burst = float(throttle.get("burstLimit") or 0) or max(1.0, rate)
        if rate and not state.usage.allows(name, rate, burst):
            raise KeyRefused("throttled")
    if not state.usage.spend(plan, key["id"]):
        raise KeyRefused("quota")
    return key
