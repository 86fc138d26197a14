"""What a stack gives out: its outputs, and the exports that others import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.services.cloudformation.order import Failed
from emulator.services.cloudformation.stack import Stack
from emulator.stack.errors import Path, TemplateError


def work_out(
    template: Mapping[str, Any],
    resolve: Callable[[Any, Path], Any],
    local: Callable[[str], str],
    *,
    tolerant: bool = False,
) -> list[dict[str, str]]:
    """Return the outputs whose conditions hold.

    Args:
        template: After its transforms, as :func:`emulator.stack.checks.refuse` lets it pass.
        resolve: Works out a value.
        local: Replaces addresses of AWS by those they have here.
        tolerant: Leave out what is not as it should be.

    Raises:
        TemplateError: One is not as it should be.
    """
    found: list[dict[str, str]] = []
    for name, body in (template.get("Outputs") or {}).items():
        try:
            output = _output(str(name), body, resolve, local)
        except TemplateError:
            if not tolerant:
                raise
            continue
        if output is not None:
            found.append(output)
    return found


def _output(
    name: str,
    body: Mapping[str, Any],
    resolve: Callable[[Any, Path], Any],
    local: Callable[[str], str],
) -> dict[str, str] | None:
    """Return an output; None where its condition does not hold.

    Raises:
        TemplateError: It is not as it should be.
    """
    path = ("Outputs", name)
    if "Condition" in body and not resolve({"Fn::If": [body["Condition"], True, False]}, path):
        return None
    value = resolve(body["Value"], (*path, "Value"))
    if isinstance(value, (dict, list)) or value is None:
        raise TemplateError(
            f"Template format error: The Value field of every Outputs member must evaluate to"
            f" a String, and output {name} does not.",
            path,
        )
    output = {"OutputKey": name, "OutputValue": local(_as_text(value))}
    if body.get("Description"):
        output["Description"] = str(body["Description"])
    export = body.get("Export")
    if export:
        if not isinstance(export, dict) or "Name" not in export:
            raise TemplateError(
                "Template format error: Output ExportName is malformed. The Export member of"
                f" output {name} must contain a Name",
                path,
            )
        output["ExportName"] = str(resolve(export["Name"], (*path, "Export")))
    return output


def check_exports(
    stack: Stack, found: Iterable[Mapping[str, str]], all_of: Iterable[Stack]
) -> None:
    """Refuse exports that another stack has, and changes of exports that others use.

    Args:
        stack: Whose outputs they are; its own are those it had before.
        found: Its new outputs.
        all_of: All stacks of the account and region.

    Raises:
        Failed: In AWS's words.
    """
    exports: dict[str, str] = {}
    for output in found:
        name = output.get("ExportName")
        if name in exports:
            raise Failed(
                f"Duplicate Export names. More than one output has been exported with the name"
                f" {name}"
            )
        if name is not None:
            exports[name] = output["OutputValue"]
    others = [each for each in all_of if each is not stack and not each.is_gone]
    for other in others:
        for name in sorted(other.exports.keys() & exports.keys()):
            raise Failed(f"Export with name {name} is already exported by stack {other.name}")
    for name, value in stack.exports.items():
        users = users_of(name, others)
        if users and exports.get(name) != value:
            verb = "updated" if name in exports else "deleted"
            raise Failed(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")


def users_of(export: str, stacks: Iterable[Stack]) -> list[str]:
    """Return the names of the stacks that import a value."""
    return [each.name for each in stacks if export in each.imports and not each.is_gone]


def _as_text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
