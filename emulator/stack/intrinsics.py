"""CloudFormation's intrinsic functions, worked out against parameters and live resources.

Every function is one entry of ``_FUNCTIONS``. Nothing here does I/O: dynamic references
(``{{resolve:ssm:…}}``) stay in the text for :mod:`emulator.stack.dynamic`.

Source:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from emulator.stack.errors import Path, TemplateError

#: What ``Ref: AWS::NoValue`` stands for: the property is left out.
NO_VALUE = object()

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
#: The functions that a condition may use.
_LOGICAL = ("Fn::And", "Fn::Equals", "Fn::If", "Fn::Not", "Fn::Or")


class Resources(Protocol):
    """The resources of a stack that exist so far."""

    def __contains__(self, logical: str) -> bool: ...

    def ref(self, logical: str) -> Any:
        """Return the value of ``Ref`` of a resource.

        Raises:
            NotYetKnown: The resource does not exist yet.
        """
        ...

    def attribute(self, logical: str, name: str) -> Any:
        """Return the value of ``Fn::GetAtt`` of a resource.

        Raises:
            NotYetKnown: The resource does not exist yet.
            TemplateError: It has no such attribute.
        """
        ...


class Evaluator:
    """Resolves the values of one template.

    Args:
        template: The template after its transforms.
        parameters: Values of parameters and pseudo parameters, typed: text, or lists of text.
        resources: Give the values of ``Ref`` and ``Fn::GetAtt``.
        exports: Values of exports by name, for ``Fn::ImportValue``.
        zones: Availability zones of a region.

    Attributes:
        imported: The names of the exports that were used.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        resources: Resources,
        *,
        exports: Mapping[str, str] | None = None,
        zones: Callable[[str], list[str]] | None = None,
    ) -> None:
        self.parameters = parameters
        self.resources = resources
        self.imported: set[str] = set()
        self._mappings = template.get("Mappings") or {}
        self._conditions = template.get("Conditions") or {}
        self._decided: dict[str, bool | None] = {}
        self._exports = {} if exports is None else exports
        self._zones = zones or (lambda region: [f"{region}{letter}" for letter in "abc"])

    def resolve(self, value: Any, path: Path = ()) -> Any:
        """Return ``value`` with every function in it resolved; ``None`` for no value.

        Raises:
            TemplateError: A function is not written as it should be, or refers to nothing.
            NotYetKnown: It depends on a resource that does not exist yet.
        """
        found = self.evaluate(value, path)
        return None if found is NO_VALUE else found

    def evaluate(self, value: Any, path: Path) -> Any:
        """Return ``value`` resolved; :data:`NO_VALUE` where it is left out."""
        if isinstance(value, list):
            items = [self.evaluate(item, (*path, index)) for index, item in enumerate(value)]
            return [item for item in items if item is not NO_VALUE]
        if isinstance(value, (datetime.date, datetime.datetime)):
            return value.isoformat()
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            function = _FUNCTIONS.get(key)
            if function is not None:
                return function(self, argument, (*path, key))
            if isinstance(key, str) and key.startswith("Fn::"):
                raise TemplateError(
                    f"Template error: Encountered unsupported function: {key} Supported functions"
                    f" are: [{', '.join(sorted(k for k in _FUNCTIONS if k != 'Ref'))}]",
                    path,
                )
        found = {key: self.evaluate(item, (*path, str(key))) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not NO_VALUE}

    def choose(self, value: Any, path: Path = ()) -> Any:
        """Return ``value`` with each ``Fn::If`` replaced by its branch, and nothing else resolved.

        The other branch is no dependency; it may refer to resources that are not created.
        """
        if isinstance(value, list):
            return [self.choose(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Fn::If"}:
            argument = value["Fn::If"]
            if isinstance(argument, list) and len(argument) == 3:
                held = self._truth({"Condition": argument[0]}, path)
                return self.choose(argument[1 if held else 2], path)
        return {key: self.choose(item, (*path, str(key))) for key, item in value.items()}

    def condition(self, name: Any, path: Path = ()) -> bool:
        """Say whether a condition holds.

        Raises:
            TemplateError: No condition has that name, or it refers to itself.
        """
        if not isinstance(name, str) or name not in self._conditions:
            raise TemplateError(
                f"Template error: unresolved condition dependency {name} in the Conditions block"
                " of the template",
                path,
            )
        if name in self._decided:
            decided = self._decided[name]
            if decided is None:
                raise TemplateError(
                    f"Template error: circular dependency between conditions: [{name}]", path
                )
            return decided
        self._decided[name] = None
        try:
            decided = self._truth(self._conditions[name], ("Conditions", name))
        except BaseException:
            del self._decided[name]
            raise
        self._decided[name] = decided
        return decided

    def _truth(self, value: Any, path: Path) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, dict) and len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Condition":
                return self.condition(argument, (*path, key))
            if key in _LOGICAL:
                return _boolean(_FUNCTIONS[key](self, argument, (*path, key)), path)
        if isinstance(value, str) and value in ("true", "false"):
            return value == "true"
        raise TemplateError(
            f"Template format error: Every {_place(path)} member must be a condition", path
        )

    # -- the functions ------------------------------------------------------------------------

    def _ref(self, name: Any, path: Path) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if not isinstance(name, str):
            raise TemplateError("Template error: All References must be of type string", path)
        if name in self.parameters:
            return self.parameters[name]
        if name in self.resources:
            return self.resources.ref(name)
        raise TemplateError(
            f"Template format error: Unresolved resource dependencies [{name}] in the"
            f" {path[0] if path else 'Resources'} block of the template",
            path,
        )

    def _get_att(self, argument: Any, path: Path) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) != 2:
            raise TemplateError(
                "Template error: every Fn::GetAtt object requires two non-empty parameters, the"
                " resource name and the resource attribute",
                path,
            )
        logical, name = (self.evaluate(part, path) for part in parts)
        if not isinstance(logical, str) or logical not in self.resources:
            raise TemplateError(
                f"Template error: instance of Fn::GetAtt references undefined resource {logical}",
                path,
            )
        return self.resources.attribute(logical, _text(name, "Fn::GetAtt", path))

    def _sub(self, argument: Any, path: Path) -> str:
        text, own = argument, {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            text, own = argument
        if not isinstance(text, str):
            raise TemplateError(
                "Template error: One or more Fn::Sub intrinsic functions don't specify expected"
                " arguments. Specify a string as first argument, and an optional second argument"
                " to specify a mapping of values to replace in the string",
                path,
            )

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                found = self.evaluate(own[name], path)
            elif "." in name and name not in self.parameters:
                found = self._get_att(name, path)
            else:
                found = self._ref(name, path)
            return _text(found, "Fn::Sub", path)

        return _PLACEHOLDER.sub(value, text)

    def _join(self, argument: Any, path: Path) -> str:
        if isinstance(argument, list) and len(argument) == 2:
            delimiter, items = argument[0], self.evaluate(argument[1], path)
            if isinstance(delimiter, str) and isinstance(items, list):
                return delimiter.join(_text(item, "Fn::Join", path) for item in items)
        raise TemplateError(
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter"
            " and (2) a list of strings to be joined or a function that returns a list of strings"
            " (such as Fn::GetAZs) to be joined.",
            path,
        )

    def _split(self, argument: Any, path: Path) -> list[str]:
        if isinstance(argument, list) and len(argument) == 2:
            delimiter, text = argument[0], self.evaluate(argument[1], path)
            if isinstance(delimiter, str) and delimiter and isinstance(text, str):
                return text.split(delimiter)
        raise TemplateError(
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter"
            " and (2) a string to be split or a function that returns a string to be split.",
            path,
        )

    def _select(self, argument: Any, path: Path) -> Any:
        index = items = None
        if isinstance(argument, list) and len(argument) == 2:
            index, items = (self.evaluate(part, path) for part in argument)
        if isinstance(index, str) and index.isdecimal():
            index = int(index)
        if isinstance(items, str) and isinstance(argument[1], dict):
            # A list in a parameter that was declared as text.
            items = items.split(",")
        if not isinstance(index, int) or isinstance(index, bool) or not isinstance(items, list):
            raise TemplateError(
                "Template error: Fn::Select requires a list argument with two elements: an integer"
                " index and a list",
                path,
            )
        if not 0 <= index < len(items):
            raise TemplateError(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}", path
            )
        return items[index]

    def _find_in_map(self, argument: Any, path: Path) -> Any:
        default: Any = NO_VALUE
        parts = argument
        if isinstance(parts, list) and len(parts) == 4 and isinstance(parts[3], dict):
            parts, default = parts[:3], parts[3].get("DefaultValue", NO_VALUE)
        if not isinstance(parts, list) or len(parts) != 3:
            raise TemplateError(
                "Template error: every Fn::FindInMap object requires three parameters, the map"
                " name, map key and the attribute for return value",
                path,
            )
        names = [_text(self.evaluate(part, path), "Fn::FindInMap", path) for part in parts]
        found: Any = self._mappings
        for name in names:
            found = found.get(name, NO_VALUE) if isinstance(found, dict) else NO_VALUE
        if found is not NO_VALUE:
            return self.evaluate(found, path)
        if default is not NO_VALUE:
            return self.evaluate(default, path)
        if names[0] not in self._mappings:
            raise TemplateError(
                f"Template error: Mapping named '{names[0]}' is not present in the 'Mappings'"
                " section of template.",
                path,
            )
        raise TemplateError(f"Template error: Unable to get mapping for {'::'.join(names)}", path)

    def _if(self, argument: Any, path: Path) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise TemplateError(
                "Template error: Fn::If requires a list argument with three elements", path
            )
        name, yes, no = argument
        held = self.condition(name, path) if isinstance(name, str) else self._truth(name, path)
        return self.evaluate(yes if held else no, (*path, 1 if held else 2))

    def _equals(self, argument: Any, path: Path) -> bool:
        if not isinstance(argument, list) or len(argument) != 2:
            raise TemplateError(
                "Template error: Fn::Equals requires a list argument with two elements", path
            )
        one, other = (self.evaluate(part, path) for part in argument)
        return bool(_comparable(one) == _comparable(other))

    def _and(self, argument: Any, path: Path) -> bool:
        return all(self._truths(argument, "Fn::And", path))

    def _or(self, argument: Any, path: Path) -> bool:
        return any(self._truths(argument, "Fn::Or", path))

    def _truths(self, argument: Any, name: str, path: Path) -> list[bool]:
        if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
            raise TemplateError(
                f"Template error: every {name} object requires a list of at least 2 and at most 10"
                " boolean parameters.",
                path,
            )
        return [self._truth(part, (*path, index)) for index, part in enumerate(argument)]

    def _not(self, argument: Any, path: Path) -> bool:
        if not isinstance(argument, list) or len(argument) != 1:
            raise TemplateError(
                "Template error: Fn::Not requires a list argument with one element", path
            )
        return not self._truth(argument[0], (*path, 0))

    def _base64(self, argument: Any, path: Path) -> str:
        text = _text(self.evaluate(argument, path), "Fn::Base64", path)
        return base64.b64encode(text.encode()).decode()

    def _cidr(self, argument: Any, path: Path) -> list[str]:
        parts = self.evaluate(argument, path)
        if isinstance(parts, list) and len(parts) in (2, 3):
            try:
                network = ipaddress.ip_network(parts[0], strict=False)
                count, bits = int(parts[1]), int(parts[2]) if len(parts) == 3 else 8
                if 1 <= count <= 256 and 0 < bits < network.max_prefixlen:
                    subnets = network.subnets(new_prefix=network.max_prefixlen - bits)
                    return [str(next(subnets)) for _ in range(count)]
            except (ValueError, TypeError, StopIteration):
                pass
        raise TemplateError(
            "Template error: every Fn::Cidr object requires an IP block, a count from 1 to 256 that"
            " fits into it and, at most, the number of its subnets' bits",
            path,
        )

    def _get_azs(self, argument: Any, path: Path) -> list[str]:
        region = self.evaluate(argument, path)
        return self._zones(region or str(self.parameters["AWS::Region"]))

    def _import_value(self, argument: Any, path: Path) -> str:
        name = _text(self.evaluate(argument, path), "Fn::ImportValue", path)
        if name not in self._exports:
            raise TemplateError(f"No export named {name} found", path)
        self.imported.add(name)
        return self._exports[name]

    def _length(self, argument: Any, path: Path) -> int:
        items = self.evaluate(argument, path)
        if not isinstance(items, list):
            raise TemplateError("Template error: Fn::Length requires an array as its input", path)
        return len(items)

    def _to_json_string(self, argument: Any, path: Path) -> str:
        value = self.evaluate(argument, path)
        if not isinstance(value, (dict, list)):
            raise TemplateError(
                "Template error: Fn::ToJsonString requires an object or array as its input", path
            )
        return json.dumps(value, separators=(",", ":"))


_Function = Callable[[Evaluator, Any, Path], Any]
_FUNCTIONS: dict[str, _Function] = {
    "Ref": Evaluator._ref,
    "Fn::And": Evaluator._and,
    "Fn::Base64": Evaluator._base64,
    "Fn::Cidr": Evaluator._cidr,
    "Fn::Equals": Evaluator._equals,
    "Fn::FindInMap": Evaluator._find_in_map,
    "Fn::GetAZs": Evaluator._get_azs,
    "Fn::GetAtt": Evaluator._get_att,
    "Fn::If": Evaluator._if,
    "Fn::ImportValue": Evaluator._import_value,
    "Fn::Join": Evaluator._join,
    "Fn::Length": Evaluator._length,
    "Fn::Not": Evaluator._not,
    "Fn::Or": Evaluator._or,
    "Fn::Select": Evaluator._select,
    "Fn::Split": Evaluator._split,
    "Fn::Sub": Evaluator._sub,
    "Fn::ToJsonString": Evaluator._to_json_string,
}


def _text(value: Any, function: str, path: Path) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TemplateError(
        f"Template error: {function} takes text, and was given {_kind(value)}", path
    )


def _comparable(value: Any) -> Any:
    """Return a scalar as text: ``Fn::Equals`` takes 1 and "1" for the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _boolean(value: Any, path: Path) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise TemplateError(f"Template format error: {_place(path)} is no condition", path)


def _place(path: Path) -> str:
    return ".".join(str(part) for part in path) or "Conditions"


def _kind(value: Any) -> str:
    if value is NO_VALUE:
        return "AWS::NoValue"
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(
        type(value), f"a {type(value).__name__}"
    )
