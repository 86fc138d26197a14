"""The values of a template's parameters: defaults, what the user gives, AWS's checks of both.

Source:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.model.lazy import LazyModule
from emulator.stack.errors import TemplateError

if TYPE_CHECKING:
    from emulator.stack import patterns
else:
    patterns = LazyModule("emulator.stack.patterns")

#: Parameters of these types name a parameter of SSM, whose value they have.
_SSM_VALUE = "AWS::SSM::Parameter::Value<"
#: What stands for a value that is not shown.
HIDDEN = "****"
#: Names of the parameters that every template has.
PSEUDO = tuple(
    f"AWS::{name}"
    for name in "AccountId NotificationARNs Partition Region StackId StackName URLSuffix".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Values of all parameters of a template."""

    #: What ``Ref`` means, by name: text or a list of text. SSM types hold the *name* of the
    #: parameter in SSM until :func:`with_ssm`.
    values: Mapping[str, Any] = field(default_factory=dict)
    #: The same as text, as DescribeStacks shows it.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Names whose values are never shown.
    hidden: frozenset[str] = frozenset()
    #: Names of parameters in SSM, by the name of the template's parameter.
    in_ssm: Mapping[str, str] = field(default_factory=dict)
    #: Patterns that take a process to match: (parameter's name, pattern, text).
    unmatched: tuple[tuple[str, str, str], ...] = ()

    def shown(self, name: str) -> str:
        """Return a value as others may see it."""
        return HIDDEN if name in self.hidden else self.texts[name]


def read(
    declared: Mapping[str, Any],
    given: Mapping[str, str],
    previous: Mapping[str, str] | None = None,
) -> Parameters:
    """Return the values of the parameters that a template declares.

    Args:
        declared: The template's ``Parameters``.
        given: Values by name.
        previous: Values the stack has now, for names that ``given`` does not have. None means
            that defaults stand; a mapping means that only these are kept.

    Raises:
        TemplateError: A value is missing, unknown, or not allowed: in AWS's words.
    """
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, Any] = {}
    texts: dict[str, str] = {}
    in_ssm: dict[str, str] = {}
    unmatched: list[tuple[str, str, str]] = []
    missing = []
    for name, body in declared.items():
        text = given.get(name, (previous or {}).get(name))
        if text is None and isinstance(body, dict) and body.get("Default") is not None:
            text = _as_text(body["Default"])
        if text is None:
            missing.append(name)
            continue
        kind = str(body.get("Type", "String"))
        _check(name, kind, text, body, unmatched)
        texts[name] = text
        if kind.startswith(_SSM_VALUE):
            in_ssm[name] = text
        values[name] = _typed(kind, text)
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    hidden = {n for n, body in declared.items() if str(body.get("NoEcho", "")).lower() == "true"}
    return Parameters(
        values=values,
        texts=texts,
        hidden=frozenset(hidden),
        in_ssm=in_ssm,
        unmatched=tuple(unmatched),
    )


async def check_patterns(parameters: Parameters, declared: Mapping[str, Any]) -> None:
    """Refuse values that do not match patterns which take a process to match.

    Args:
        parameters: The values.
        declared: The template's section ``Parameters``.

    Raises:
        TemplateError: In AWS's words.
    """
    if not parameters.unmatched:
        return
    pairs = [(pattern, text) for _, pattern, text in parameters.unmatched]
    for found, (name, pattern, _) in zip(
        await patterns.match_all(pairs), parameters.unmatched, strict=True
    ):
        if found is None:
            raise TemplateError(
                f"Parameter '{name}' has an AllowedPattern that is no regular expression, or takes"
                " too long",
                ("Parameters", name),
            )
        if not found:
            raise _violated(
                name, f"Parameter '{name}' must match pattern {pattern}", declared[name]
            )


def with_ssm(
    parameters: Parameters, declared: Mapping[str, Any], found: Mapping[str, str]
) -> Mapping[str, Any]:
    """Return the values with those that SSM keeps.

    Args:
        parameters: The values so far.
        declared: The template's section ``Parameters``.
        found: Values in SSM, by the name of the template's parameter.
    """
    looked_up = {
        name: _typed(str(declared[name]["Type"])[len(_SSM_VALUE) : -1], text)
        for name, text in found.items()
    }
    return {**parameters.values, **looked_up}


def pseudo(
    *, account: str, region: str, stack_name: str, stack_id: str, url_suffix: str = "amazonaws.com"
) -> dict[str, Any]:
    """Return the pseudo parameters of a stack."""
    return {
        "AWS::AccountId": account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::StackId": stack_id,
        "AWS::StackName": stack_name,
        "AWS::URLSuffix": url_suffix,
    }


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_as_text(each) for each in value)
    return str(value)


def _typed(kind: str, text: str) -> Any:
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [part.strip() for part in text.split(",")] if text else []
    return text


def _violated(name: str, problem: str, body: Mapping[str, Any]) -> TemplateError:
    explained = body.get("ConstraintDescription")
    if explained:
        problem = f"Parameter {name} failed to satisfy constraint: {explained}"
    return TemplateError(problem, ("Parameters", name))


def _check(
    name: str,
    kind: str,
    text: str,
    body: Mapping[str, Any],
    unmatched: list[tuple[str, str, str]],
) -> None:
    if kind.startswith(_SSM_VALUE):
        return
    parts = [p.strip() for p in text.split(",")] if _typed(kind, "") == [] and text else [text]
    for part in parts:
        try:
            problem = _problem(name, kind, part, body)
        except (TypeError, ValueError):
            text = f"Template format error: Parameter '{name}' has a bound that is no number"
            raise TemplateError(text, ("Parameters", name)) from None
        if problem is not None:
            raise _violated(name, problem, body)
        pattern = body.get("AllowedPattern")
        if pattern is not None and not patterns.is_quick(str(pattern)):
            unmatched.append((name, str(pattern), part))


def _problem(name: str, kind: str, text: str, body: Mapping[str, Any]) -> str | None:
    if kind in ("Number", "List<Number>"):
        try:
            number = float(text)
        except ValueError:
            return f"Parameter '{name}' must be a number."
        if "MinValue" in body and number < float(body["MinValue"]):
            return f"Parameter '{name}' must be a number not less than {body['MinValue']}"
        if "MaxValue" in body and number > float(body["MaxValue"]):
            return f"Parameter '{name}' must be a number not greater than {body['MaxValue']}"
    if "MinLength" in body and len(text) < int(body["MinLength"]):
        return f"Parameter '{name}' must contain at least {body['MinLength']} characters"
    if "MaxLength" in body and len(text) > int(body["MaxLength"]):
        return f"Parameter '{name}' must contain at most {body['MaxLength']} characters"
    allowed = body.get("AllowedValues")
    if allowed is not None and text not in [_as_text(each) for each in allowed]:
        return f"Parameter '{name}' must be one of AllowedValues"
    pattern = body.get("AllowedPattern")
    if pattern is not None and patterns.is_quick(str(pattern)):
        try:
            found = patterns.matches(str(pattern), text)
        except ValueError:
            return f"Parameter '{name}' has an AllowedPattern that is no regular expression"
        if not found:
            return f"Parameter '{name}' must match pattern {pattern}"
    return None
