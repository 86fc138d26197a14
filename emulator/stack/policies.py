"""Stack policies: which resources an update may touch. Pure decisions.

Source:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import orjson

from emulator.stack.errors import TemplateError

Action = Literal["Update:Modify", "Update:Replace", "Update:Delete"]

_LARGEST = 16_384


def read(text: str) -> list[dict[str, Any]]:
    """Return the statements of a policy.

    Raises:
        TemplateError: It is none.
    """
    problem = TemplateError("Error validating stack policy: Invalid stack policy")
    if len(text) > _LARGEST:
        raise problem
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise problem from None
    if body == {}:
        return []
    statements = body.get("Statement") if isinstance(body, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(_is_statement(each) for each in statements):
        raise problem
    return statements


def _is_statement(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and each.get("Effect") in ("Allow", "Deny")
        and ("Action" in each) != ("NotAction" in each)
        and ("Resource" in each) != ("NotResource" in each)
        and each.get("Principal", "*") in ("*", {"AWS": "*"})
    )


def denial(
    statements: Sequence[Mapping[str, Any]], action: Action, logical: str, kind: str
) -> str | None:
    """Return why a policy does not allow an action; None: it allows it.

    Args:
        statements: Of the policy, which must be there: without one, all is allowed.
        action: What an update does to a resource.
        logical: The resource's name in the template.
        kind: Its type.
    """
    allowed = False
    for number, statement in enumerate(statements, 1):
        if not _applies(statement, action, logical, kind):
            continue
        if statement["Effect"] == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow"
                f" [{_named(statement, 'Action', action)}] for resource"
                f" [{_named(statement, 'Resource', f'LogicalResourceId/{logical}')}];"
            )
        allowed = True
    if allowed:
        return None
    return (
        f"Action not allowed by stack policy: no statement allows [{action}] for resource"
        f" [LogicalResourceId/{logical}];"
    )


def _applies(statement: Mapping[str, Any], action: str, logical: str, kind: str) -> bool:
    if not _covers(statement, "Action", action):
        return False
    if not _covers(statement, "Resource", f"LogicalResourceId/{logical}"):
        return False
    for operator, tests in (statement.get("Condition") or {}).items():
        wanted = _texts((tests or {}).get("ResourceType"))
        like = operator == "StringLike"
        if wanted and not any(_matches(w, kind) if like else w == kind for w in wanted):
            return False
    return True


def _covers(statement: Mapping[str, Any], name: str, value: str) -> bool:
    if name in statement:
        return any(_matches(pattern, value) for pattern in _texts(statement[name]))
    return not any(_matches(pattern, value) for pattern in _texts(statement.get(f"Not{name}")))


def _named(statement: Mapping[str, Any], name: str, value: str) -> str:
    fitting = [p for p in _texts(statement.get(name)) if _matches(p, value)]
    return fitting[0] if fitting else value


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value or "")]


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Runs of stars mean one: a pattern can't take long.
    parts = re.split(r"\*+", pattern)
    return re.compile("(?s:" + ".*?".join(re.escape(part) for part in parts) + ")")
