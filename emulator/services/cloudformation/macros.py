"""Macros: functions that change templates before anything is worked out.

AWS::Include is one of AWS's own: it puts a document from a bucket in its place.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services.cloudformation.stack import Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack import document, sections
from emulator.stack.errors import Path, TemplateError, TransformError
from emulator.stack.kinds import Call

MACRO = "AWS::CloudFormation::Macro"
INCLUDE = "AWS::Include"
_TRANSFORM = "Fn::Transform"
#: Where a macro's answer has what it made.
_MADE = "fragment"
#: Reads a document at an address: (account, region, address).
Fetch = Callable[[str, str, str], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A macro that a stack has made."""

    function: str
    stack_id: str


class Macros:
    """Finds macros and applies them.

    Args:
        store: The stacks, whose resources the macros are.
        call: Returns what calls operations for an account and region.
        fetch: Reads what AWS::Include includes.
    """

    def __init__(self, store: StackStore, call: Callable[[str, str], Call], fetch: Fetch) -> None:
        self._store, self._call, self._fetch = store, call, fetch

    def find(self, account: str, region: str, name: str) -> Registered | None:
        """Return a macro by its name."""
        for stack in self._store.all(account, region):
            for resource in stack.resources.values() if not stack.is_gone else ():
                if (resource.kind, resource.physical) == (MACRO, name):
                    function = str(resource.properties.get("FunctionName", ""))
                    return Registered(function=function, stack_id=stack.stack_id)
        return None

    async def inner(
        self,
        stack: Stack,
        template: dict[str, Any],
        values: Mapping[str, Any],
        resolve: Callable[[Any, Path], Any],
    ) -> dict[str, Any]:
        """Return the template with each ``Fn::Transform`` in it applied, the deepest first.

        Raises:
            TransformError: A macro failed, or there is none of its name.
            TemplateError: One is not written as it should be.
        """

        async def walk(value: Any, path: Path) -> Any:
            if isinstance(value, list):
                return [await walk(item, (*path, index)) for index, item in enumerate(value)]
            if not isinstance(value, dict):
                return value
            found = {
                key: await walk(item, (*path, str(key)))
                for key, item in value.items()
                if key != _TRANSFORM
            }
            made: Any = found
            for one in _each(value.get(_TRANSFORM), path) if _TRANSFORM in value else ():
                made = await self.apply(stack, *one, made, values, resolve, path)
            return made

        changed: dict[str, Any] = await walk(template, ())
        return changed

    async def apply(
        self,
        stack: Stack,
        name: str,
        parameters: Any,
        fragment: Any,
        values: Mapping[str, Any],
        resolve: Callable[[Any, Path], Any],
        path: Path,
    ) -> Any:
        """Return what a macro makes of a part of a template, or of the whole.

        Args:
            stack: For whom.
            name: The macro's.
            parameters: Its parameters as the template has them.
            fragment: The part of the template, or what another macro made of it.
            values: The template's parameters.
            resolve: Works out ``parameters``.
            path: Where the part stands.

        Raises:
            TransformError: It failed, or there is none of this name.
        """
        given = _given(name, parameters or {}, resolve, path)
        if name == INCLUDE:
            included = await self._included(stack, given, path)
            return {**fragment, **included} if isinstance(fragment, dict) else included
        registered = self.find(stack.account, stack.region, name)
        full = f"{stack.account}::{name}"
        if registered is None:
            raise TransformError(f"No transform named {full} found.", path)
        request = {
            "accountId": stack.account,
            "fragment": fragment,
            "transformId": full,
            "requestId": new_request_id(),
            "region": stack.region,
            "params": given,
            "templateParameterValues": {
                key: value for key, value in values.items() if not key.startswith("AWS::")
            },
        }
        return await self._ask(stack, registered.function, full, request, path)

    async def _ask(
        self, stack: Stack, function: str, name: str, request: dict[str, Any], path: Path
    ) -> Any:
        payload = orjson.dumps(request, option=orjson.OPT_NON_STR_KEYS)
        call = self._call(stack.account, stack.region)
        try:
            result = await call("lambda", "Invoke", {"FunctionName": function, "Payload": payload})
        except AwsError as error:
            raise TransformError(f"Transform {name} failed with: {error.message}", path) from error
        found: Any = None
        with contextlib.suppress(orjson.JSONDecodeError):
            found = None if result.get("FunctionError") else orjson.loads(result["Payload"])
        answer: dict[str, Any] = found if isinstance(found, dict) else {}
        status = str(answer.get("status") or "")
        if status and status.lower() != "success":
            said = answer.get("errorMessage")
            why = f"with: {said}" if said else "without an error message."
            raise TransformError(f"Transform {name} failed {why}", path)
        if not status or answer.get("requestId") != request["requestId"] or _MADE not in answer:
            raise TransformError(f"Received malformed response from transform {name}", path)
        return answer[_MADE]

    async def _included(self, stack: Stack, given: Any, path: Path) -> dict[str, Any]:
        location = given.get("Location") if isinstance(given, dict) else None
        if not isinstance(location, str):
            raise TransformError(
                f"Transform {INCLUDE} failed with: The location parameter is not a string", path
            )
        try:
            text = await self._fetch(stack.account, stack.region, location)
            return document.parse(text).body
        except AwsError as error:
            raise TransformError(
                f"Transform {INCLUDE} failed with: {error.message}", path
            ) from error
        except TemplateError as error:
            raise TransformError(
                f"Transform {INCLUDE} failed with: The specified S3 object's content should be"
                f" valid Yaml/JSON ({error.message})",
                path,
            ) from error


def _given(name: str, written: Any, resolve: Callable[[Any, Path], Any], path: Path) -> Any:
    """Return the parameters of a macro, worked out: texts, numbers, flags, and lists of those.

    Raises:
        TemplateError: One is something else.
    """
    found = {}
    for key, value in written.items() if isinstance(written, dict) else ():
        try:
            found[key] = resolve(value, path)
        except TemplateError:
            found[key] = {}
        items = found[key] if isinstance(found[key], list) else [found[key]]
        if any(isinstance(each, dict | list) for each in items):
            raise TemplateError(
                f"The value of parameter {key} under transform {name} must resolve to a string,"
                " number, boolean or a list of any of these.",
                path,
            )
    return found


def _each(written: Any, path: Path) -> list[tuple[str, Any]]:
    """Return the macros that a ``Fn::Transform`` names, with their parameters."""
    for one in written if isinstance(written, list) else [written]:
        if isinstance(one, dict) and not isinstance(one.get("Name", ""), str):
            raise TemplateError(sections.NAMELESS, path)
        if not isinstance(one, dict) or "Name" not in one:
            raise TemplateError(
                "Template error: every Fn::Transform object requires a Name, and may have"
                " Parameters",
                path,
            )
    ones = written if isinstance(written, list) else [written]
    return [(one["Name"], one.get("Parameters")) for one in ones]
