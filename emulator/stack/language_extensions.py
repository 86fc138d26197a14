"""The transform AWS::LanguageExtensions: loops, and functions worked out before anything is made.

It writes out ``Fn::ForEach``, and puts in the place of each function what is known of it by then:
what refers to no resource, import or hidden parameter. What is left has its arguments worked out,
so that ``Ref`` and ``Fn::GetAtt`` may name their resource by functions.

Source:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-languageextensions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.stack.errors import NotYetKnown, Path, TemplateError, TransformError
from emulator.stack.intrinsics import NO_VALUE, Evaluator

NAME = "AWS::LanguageExtensions"
LOOP = "Fn::ForEach::"
_TO_JSON = "Fn::ToJsonString"
#: Sections in which a loop may make keys.
_SECTIONS = ("Conditions", "Outputs", "Resources")
#: The most items of all loops of a template together.
_MOST = 10_000
#: The functions that this transform works out.
_WORKED_OUT = frozenset(
    "Fn::Base64 Fn::FindInMap Fn::If Fn::Join Fn::Length Fn::Select Fn::Split Fn::Sub"
    " Fn::ToJsonString Ref".split()
)
#: Those that a template can't have without it.
_OWN = ("Fn::Length", _TO_JSON)


def apply(template: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the transform makes of a template.

    Args:
        template: The template.
        known: Values of its parameters, without those that are not shown, and pseudo parameters.

    Raises:
        TransformError: A loop or a function is not written as it should be.
    """
    try:
        written = expand(template, _evaluator(template, known).resolve)
        early = _Early(_evaluator(written, known))
        return {
            name: early.settle(section, (name,)) if name in ("Outputs", "Resources") else section
            for name, section in written.items()
        }
    except TransformError:
        raise
    except TemplateError as error:
        raise _failure(error.message, error.path) from error


def expand(template: dict[str, Any], resolve: Callable[[Any, Path], Any]) -> dict[str, Any]:
    """Return the template with its loops written out, and nothing else done to it.

    Args:
        template: The template.
        resolve: Works out a loop's collection: parameters and mappings only.

    Raises:
        TransformError: A loop is not written as it should be.
    """
    loops = _Loops(resolve)
    return {
        name: loops.expand(section, {}, (name,)) if name in _SECTIONS else section
        for name, section in template.items()
    }


def refuse(template: Mapping[str, Any]) -> None:
    """Refuse what only this transform allows, in a template that does not name it.

    Raises:
        TemplateError: In AWS's words.
    """
    for logical, body in (template.get("Resources") or {}).items():
        for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
            if isinstance(body, dict) and isinstance(body.get(attribute), dict):
                raise TemplateError(
                    f"Template format error: Every {attribute} member must be a string.",
                    ("Resources", str(logical), attribute),
                )
    for section in ("Conditions", "Outputs", "Resources"):
        _refuse_functions(template.get(section), (section,))


def _refuse_functions(value: Any, path: Path) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_functions(item, (*path, index))
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Fn::FindInMap" and isinstance(item, list) and len(item) > 3:
            raise TemplateError(
                "Template error: every Fn::FindInMap object requires three parameters, the map"
                " name, map key and the attribute for return value",
                path,
            )
        if key in _OWN and len(value) == 1:
            raise TemplateError(
                f"Template error: Encountered unsupported function: {key} Supported functions are:"
                " [Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split,"
                " Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And,"
                " Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf,"
                " Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]",
                path,
            )
        _refuse_functions(item, (*path, str(key)))


def _failure(problem: str, path: Path) -> TransformError:
    return TransformError(f"Transform {NAME} failed with: {problem}", path)


def _evaluator(template: Mapping[str, Any], known: Mapping[str, Any]) -> Evaluator:
    return Evaluator(template, known, _Later(), exports=_LaterExports())


class _LaterExports(dict[str, str]):
    """What stacks export: a template takes it when it is deployed."""

    def __contains__(self, name: object) -> bool:
        raise NotYetKnown(str(name))


class _Later:
    """Whatever is no parameter: resources, as far as is known yet."""

    def __contains__(self, logical: str) -> bool:
        return True

    def ref(self, logical: str) -> Any:
        raise NotYetKnown(logical)

    def attribute(self, logical: str, name: str) -> Any:
        raise NotYetKnown(logical, name)


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
                found.update(self._loop(item, names, (*path, key)))
            else:
                name = _substitute(key, names) if isinstance(key, str) else key
                found[name] = self.expand(item, names, (*path, str(key)))
        return found

    def _loop(self, loop: Any, names: dict[str, str], path: Path) -> dict[str, Any]:
        problem = _failure("Fn::ForEach layout is incorrect", path)
        if not isinstance(loop, list) or len(loop) != 3:
            raise problem
        name, collection, body = loop
        try:
            items = self._resolve(self.expand(collection, names, path), path)
        except NotYetKnown:
            raise problem from None
        if not (isinstance(name, str) and isinstance(items, list) and isinstance(body, dict)):
            raise problem
        found: dict[str, Any] = {}
        for item in items:
            if not isinstance(item, str):
                raise problem
            self._made += 1
            if self._made > _MOST:
                raise _failure("Fn::ForEach makes too many entries", path)
            found.update(self.expand(body, {**names, name: item}, path))
        return found


class _Early:
    """Works out what is known before any resource is there.

    Args:
        evaluator: Works out whole functions.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def settle(self, value: Any, path: Path) -> Any:
        """Return a value with each function in it that is known by now replaced by its value."""
        if isinstance(value, list):
            return [self.settle(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key in _WORKED_OUT:
                return self._function(str(key), argument, (*path, key))
            if key == "Fn::GetAtt" and isinstance(argument, str):
                return {key: argument.split(".", 1)}
        return {key: self.settle(item, (*path, str(key))) for key, item in value.items()}

    def _function(self, name: str, argument: Any, path: Path) -> Any:
        if name == "Fn::If":
            taken = self._taken({name: argument}, path)
            if taken != {name: argument}:
                return self.settle(taken, path)
        # Once: what is inside may be as deep as the template.
        settled = {name: self.settle(argument, path)}
        try:
            found = self._evaluator.evaluate(settled, path)
        except NotYetKnown:
            return settled
        return {"Ref": "AWS::NoValue"} if found is NO_VALUE else found

    def _taken(self, choice: dict[str, Any], path: Path) -> Any:
        """Return the branch that an ``Fn::If`` takes; itself, where that is not known yet."""
        try:
            return self._evaluator.choose(choice, path)
        except NotYetKnown:
            return choice


def _substitute(text: str, names: dict[str, str]) -> str:
    """Return ``text`` with ``${Name}`` and ``&{Name}`` (letters and digits only) replaced."""

    def value(match: re.Match[str]) -> str:
        found = names.get(match[2])
        if found is None:
            return match[0]
        return found if match[1] == "$" else re.sub(r"[^A-Za-z0-9]", "", found)

    return re.sub(r"([$&])\{(\w+)\}", value, text)
