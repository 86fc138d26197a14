"""The transform AWS::LanguageExtensions: ``Fn::ForEach`` written out before anything is resolved.

``Fn::ToJsonString`` of what holds no function becomes its text, as processed templates show it. The
other extensions need no rewriting: :mod:`emulator.stack.intrinsics` works out ``Fn::Length``, what
is left of ``Fn::ToJsonString``, and functions inside ``Fn::FindInMap``, ``Ref`` and ``Fn::GetAtt``.

Source:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-languageextensions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from emulator.stack.errors import Path, TemplateError

NAME = "AWS::LanguageExtensions"
LOOP = "Fn::ForEach::"
_TO_JSON = "Fn::ToJsonString"
#: Sections in which a loop may make keys.
_SECTIONS = ("Conditions", "Outputs", "Resources")
#: The most items of all loops of a template together.
_MOST = 10_000


def expand(template: dict[str, Any], resolve: Callable[[Any, Path], Any]) -> dict[str, Any]:
    """Return the template with its loops written out.

    Args:
        template: The template.
        resolve: Works out a loop's collection: parameters and mappings only.

    Raises:
        TemplateError: A loop is not written as it should be.
    """
    loops = _Loops(resolve)
    return {
        name: loops.expand(section, {}, (name,)) if name in _SECTIONS else section
        for name, section in template.items()
    }


class _Loops:
    def __init__(self, resolve: Callable[[Any, Path], Any]) -> None:
        self._resolve = resolve
        self._made = 0

    def expand(self, value: Any, names: dict[str, str], path: Path) -> Any:
        if isinstance(value, str):
            return _substitute(value, names) if names else value
        if isinstance(value, list):
            return [self.expand(item, names, (*path, i)) for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if names and value.keys() == {"Ref"} and value["Ref"] in names:
            return names[value["Ref"]]
        found: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(key, str) and key.startswith(LOOP):
                found.update(self._loop(key, item, names, (*path, key)))
            else:
                name = _substitute(key, names) if isinstance(key, str) else key
                found[name] = self.expand(item, names, (*path, str(key)))
        argument = found.get(_TO_JSON)
        if len(found) == 1 and isinstance(argument, dict | list) and not _has_function(argument):
            return json.dumps(argument, separators=(",", ":"))
        return found

    def _loop(self, key: str, loop: Any, names: dict[str, str], path: Path) -> dict[str, Any]:
        problem = f"Template format error: {key} layout is incorrect"
        if not isinstance(loop, list) or len(loop) != 3:
            raise TemplateError(problem, path)
        name, collection, body = loop
        items = self._resolve(self.expand(collection, names, path), path)
        if not (isinstance(name, str) and isinstance(items, list) and isinstance(body, dict)):
            raise TemplateError(problem, path)
        found: dict[str, Any] = {}
        for item in items:
            if not isinstance(item, str):
                raise TemplateError(problem, path)
            self._made += 1
            if self._made > _MOST:
                raise TemplateError(f"Template format error: {key} makes too many entries", path)
            found.update(self.expand(body, {**names, name: item}, path))
        return found


def _has_function(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_function, value))
    return isinstance(value, dict) and any(
        str(key).startswith("Fn::") or key in ("Ref", "Condition") or _has_function(item)
        for key, item in value.items()
    )


def _substitute(text: str, names: dict[str, str]) -> str:
    """Return ``text`` with ``${Name}`` and ``&{Name}`` (letters and digits only) replaced."""

    def value(match: re.Match[str]) -> str:
        found = names.get(match[2])
        if found is None:
            return match[0]
        return found if match[1] == "$" else re.sub(r"[^A-Za-z0-9]", "", found)

    return re.sub(r"([$&])\{(\w+)\}", value, text)
