"""The order in which a template's resources are created, by their dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from emulator.stack.errors import Path, TemplateError

_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


def references(value: Any) -> Iterator[str]:
    """Yield the names that ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub`` in a value refer to.

    Names of parameters are among them.
    """
    for name, _ in mentions(value):
        yield name


def mentions(value: Any) -> Iterator[tuple[str, str]]:
    """Yield what a value refers to: each name with its attribute, "" for the thing itself."""
    if isinstance(value, list):
        for item in value:
            yield from mentions(item)
    if not isinstance(value, dict):
        return
    for key, argument in value.items():
        if key == "Ref" and isinstance(argument, str):
            yield argument, ""
        elif key == "Fn::GetAtt":
            target = argument.split(".", 1) if isinstance(argument, str) else argument
            if isinstance(target, list) and target and isinstance(target[0], str):
                yield target[0], str(target[1]) if len(target) > 1 else ""
        elif key == "Fn::Sub":
            yield from _in_sub(argument)
        else:
            yield from mentions(argument)


def _in_sub(argument: Any) -> Iterator[tuple[str, str]]:
    text: Any = argument
    own: Any = {}
    if isinstance(argument, list) and argument:
        text = argument[0]
        own = argument[1] if len(argument) > 1 and isinstance(argument[1], dict) else {}
        yield from mentions(own)
    if isinstance(text, str):
        for found in _PLACEHOLDER.findall(text):
            if found not in own:
                name, _, attribute = found.partition(".")
                yield name.strip(), attribute.strip()


def imports(value: Any) -> Iterator[Any]:
    """Yield the arguments of ``Fn::ImportValue`` in a value, however deep."""
    for item in value if isinstance(value, list) else ():
        yield from imports(item)
    for key, item in value.items() if isinstance(value, dict) else ():
        if key == "Fn::ImportValue":
            yield item
        else:
            yield from imports(item)


def dependencies(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return, for each resource, the resources that must exist before it.

    Raises:
        TemplateError: ``DependsOn`` names a resource that the template does not have.
    """
    found: dict[str, set[str]] = {}
    for logical, resource in resources.items():
        named = resource.get("DependsOn") or []
        named = [named] if isinstance(named, str) else list(named)
        for name in named:
            if name not in resources:
                raise TemplateError(
                    f"Template format error: Unresolved resource dependencies [{name}] in the"
                    " Resources block of the template",
                    ("Resources", logical, "DependsOn"),
                )
        wanted = set(named) | set(references(resource.get("Properties")))
        found[logical] = wanted & resources.keys() - {logical}
        if logical in named or logical in references(resource.get("Properties")):
            raise _circular([logical], ("Resources", logical))
    return found


def waves(needs: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return names in groups: each name depends only on names of earlier groups.

    Raises:
        TemplateError: Some depend on each other in a circle; the text names them.
    """
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = list(dict.fromkeys(error.args[1]))
        raise _circular(circle, ("Resources", circle[0])) from None
    groups = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        groups.append(ready)
        sorter.done(*ready)
    return groups


def _circular(names: list[str], path: Path) -> TemplateError:
    return TemplateError(
        f"Circular dependency between resources: [{', '.join(sorted(names))}]", path
    )
