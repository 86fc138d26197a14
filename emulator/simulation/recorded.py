"""A recorded run of this emulator as a trace: what the timeline's document tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.simulation.trace import UNKNOWN, Drop, FunctionFacts, PoolFacts, Request, Trace

#: What the documents name themselves.
FORMAT = "localfaas-timeline/1"
#: Ends of environments that lie outside the pool: of all that a function has, and of one.
_EVERY = frozenset({"drained", "evicted", "shutdown", "lost", "no longer wanted"})
_ONE = frozenset({"crashed", "failed"})
#: Cold for another reason than that an environment had to start.
_RESTART = "restart"
#: The tenants that ``localfaas coldstart`` and ``localfaas check`` name (:mod:`emulator.invoke`).
MEASURED = ("coldstart", "check")
_MANAGED = "lambda-managed-instances"
#: Ends and requests that belong together lie no further apart, seconds.
_TOGETHER_S = 0.01


def of_document(document: Mapping[str, Any]) -> Trace:
    """Return the trace of a timeline's document.

    Args:
        document: See docs/timeline.md; ``"pool"`` has what the pool kept to, where it is there.

    Raises:
        ValueError: It is of another form.
    """
    if document.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    environments = {each["id"]: each for each in document["environments"] if not is_measured(each)}
    invocations = [each for each in calls(document) if each["initialization_type"] != _MANAGED]
    if not invocations:
        trace = Trace()
    else:
        began = min(each["requested"] for each in invocations)
        last = _last_invocations(invocations)
        trace = Trace.of(
            _requests(invocations, environments, last, began),
            list(_drops(environments, last, began)),
        )
        if document.get("dropped"):
            trace.there = _older(invocations)
        trace.facts = {key(each): _facts(each, document) for each in invocations}
    trace.pool = _pool(document.get("pool") or {})
    return trace


def is_measured(environment: Mapping[str, Any]) -> bool:
    """Say whether an environment was one of ``coldstart`` or ``check``, which serves no caller."""
    return environment["tenant_id"] in MEASURED


def calls(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the invocations of a timeline's document that had callers."""
    measured = {each["id"] for each in document["environments"] if is_measured(each)}
    return [each for each in document["invocations"] if each["environment"] not in measured]


def key(each: Mapping[str, Any]) -> str:
    """Return what tells pools apart: function, version and tenant."""
    function = f"{each['function']}:{each['version']}"
    if each.get("version") == "$LATEST":
        function = str(each["function"])
    return f"{function}#{each['tenant_id']}" if each.get("tenant_id") else function


def _older(invocations: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many environments have begun before a record that has lost its oldest calls."""
    first: dict[str, Mapping[str, Any]] = {}
    for each in invocations:
        environment = each["environment"]
        # Those of provisioned concurrency are there by the settings.
        if environment and each["initialization_type"] == "on-demand":
            before = first.get(environment)
            if before is None or each["requested"] < before["requested"]:
                first[environment] = each
    return dict(Counter(key(each) for each in first.values() if not each["cold"]))


def _last_invocations(invocations: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the invocation that ended last in each environment."""
    last: dict[str, Mapping[str, Any]] = {}
    for each in invocations:
        environment = each["environment"]
        if environment and (environment not in last or each["ended"] >= last[environment]["ended"]):
            last[environment] = each
    return last


def _requests(
    invocations: Sequence[Mapping[str, Any]],
    environments: Mapping[str, Mapping[str, Any]],
    last: Mapping[str, Mapping[str, Any]],
    began: float,
) -> Iterator[Request]:
    typical = _typical_durations(invocations)
    for each in invocations:
        arrival, started = each["requested"], each["started"]
        if started is None:
            yield Request(arrival - began, key(each), typical.get(key(each), 0.0))
            continue
        is_cold = each["cold"] and each["why"]["cause"] != _RESTART
        environment = environments.get(each["environment"])
        is_last = environment is not None and _ended_with(environment, each, last)
        # The model works out anew how long it stands in line.
        left_line = _left_line(each)
        if is_cold and environment is not None:
            left_line = max(left_line, environment["requested"])
        yield Request(
            arrival - began,
            key(each),
            each["ended"] - (started if is_cold else left_line),
            started - left_line if is_cold else UNKNOWN,
            is_last,
        )


def _left_line(invocation: Mapping[str, Any]) -> float:
    """Return when an invocation stood in no line any more: when it came, if it never did."""
    queued = [each["end"] for each in invocation["phases"] if each["name"] == "queued"]
    return float(max(queued, default=invocation["requested"]) or invocation["requested"])


def _typical_durations(invocations: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return a duration for what was refused: that in the middle of those that ran."""
    ran: dict[str, list[float]] = {}
    for each in invocations:
        if each["started"] is not None:
            ran.setdefault(key(each), []).append(each["ended"] - each["started"])
    return {name: sorted(each)[len(each) // 2] for name, each in ran.items()}


def _left(environment: Mapping[str, Any]) -> float:
    """Return when an environment began to end."""
    stopping = (each["start"] for each in environment["phases"] if each["name"] == "stopping")
    return float(next(stopping, environment["ended"] or 0.0))


def _ended_with(
    environment: Mapping[str, Any],
    invocation: Mapping[str, Any],
    last: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Say whether an environment ended with an invocation, for a reason outside the pool."""
    return (
        environment["ended_cause"] in _EVERY | _ONE
        and last.get(environment["id"]) is invocation
        and _left(environment) - invocation["ended"] < _TOGETHER_S
    )


def _drops(
    environments: Mapping[str, Mapping[str, Any]],
    last: Mapping[str, Mapping[str, Any]],
    began: float,
) -> Iterator[Drop]:
    together: dict[str, float] = {}
    ended = [each for each in environments.values() if each["ended_cause"] in _EVERY | _ONE]
    for each in sorted(ended, key=_left):
        invocation = last.get(each["id"])
        if invocation is not None and _ended_with(each, invocation, last):
            continue
        name, at = key(each), max(0.0, _left(each) - began)
        if each["ended_cause"] in _ONE:
            yield Drop(at, name, every=False)
        elif name not in together or at - together[name] > _TOGETHER_S:
            together[name] = at
            yield Drop(at, name)


def _facts(each: Mapping[str, Any], document: Mapping[str, Any]) -> FunctionFacts:
    functions = (document.get("pool") or {}).get("functions") or {}
    pool = functions.get(f"{each['function_arn']}:{each['version']}") or {}
    environments = {one["id"]: one for one in document["environments"]}
    environment = environments.get(each["environment"]) or {}
    runtime = str(pool.get("runtime", environment.get("runtime", "")))
    return FunctionFacts(
        memory_mb=each["memory_mb"],
        runtime=runtime,
        package=pool.get("package", "zip"),
        architecture=pool.get("architecture", environment.get("architecture", "x86_64")),
        code_mb=pool.get("code_mb", 0.0),
        provisioned=pool.get("provisioned", 0),
        reserved=pool.get("reserved"),
    )


def _pool(given: Mapping[str, Any]) -> PoolFacts:
    default = PoolFacts()
    return PoolFacts(
        idle_timeout_s=given.get("idle_timeout_s", default.idle_timeout_s),
        max_environments=given.get("max_environments", default.max_environments),
        account_concurrency=given.get("account_concurrency", default.account_concurrency),
    )
