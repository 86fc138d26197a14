"""Macros: functions that change templates before anything is worked out.

AWS::Include is one of AWS's own: it puts a document from a bucket in its place.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services.cloudformation.stack import Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack import document
from emulator.stack.errors import Path, TemplateError
from emulator.stack.kinds import Call

MACRO = "AWS::CloudFormation::Macro"
INCLUDE = "AWS::Include"
_TRANSFORM = "Fn::Transform"
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
            TemplateError: A macro failed, or there is none of its name.
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
            for one in _each(value.get(_TRANSFORM), path) if _TRANSFORM in value else ():
                applied = await self.apply(stack, *one, found, values, resolve, path)
                if not isinstance(applied, dict):
                    return applied
                found = applied
            return found

        changed: dict[str, Any] = await walk(template, ())
        return changed

    async def apply(
        self,
        stack: Stack,
        name: str,
        parameters: Any,
        fragment: dict[str, Any],
        values: Mapping[str, Any],
        resolve: Callable[[Any, Path], Any],
        path: Path,
    ) -> Any:
        """Return what a macro makes of a part of a template, or of the whole.

        Args:
            stack: For whom.
            name: The macro's.
            parameters: Its parameters as the template has them.
            fragment: The part of the template.
            values: The template's parameters.
            resolve: Works out ``parameters``.
            path: Where the part stands.

        Raises:
            TemplateError: It failed, or there is none of this name.
        """
        given = resolve(parameters or {}, path)
        if name == INCLUDE:
            return {**fragment, **await self._included(stack, given, path)}
        registered = self.find(stack.account, stack.region, name)
        full = f"{stack.account}::{name}"
        if registered is None:
            raise TemplateError(f"No transform named {full} found.", path)
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
            raise TemplateError(f"Transform {name} failed with: {error.message}", path) from error
        if result.get("FunctionError"):
            raise TemplateError(f"Transform {name} failed without an error message.", path)
        try:
            answer = orjson.loads(result["Payload"] or b"null")
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or answer.get("requestId") != request["requestId"]:
            raise TemplateError(f"Received malformed response from transform {name}", path)
        if str(answer.get("status", "")).lower() != "success":
            said = answer.get("errorMessage")
            why = f"with: {said}" if said else "without an error message."
            raise TemplateError(f"Transform {name} failed {why}", path)
        if "fragment" not in answer:
            raise TemplateError(f"Received malformed response from transform {name}", path)
        return answer["fragment"]

    async def _included(self, stack: Stack, given: Any, path: Path) -> dict[str, Any]:
        location = given.get("Location") if isinstance(given, dict) else None
        if not isinstance(location, str):
            raise TemplateError(
                f"Transform {INCLUDE} failed with: The location parameter is not a string", path
            )
        try:
            text = await self._fetch(stack.account, stack.region, location)
            return document.parse(text).body
        except AwsError as error:
            raise TemplateError(
                f"Transform {INCLUDE} failed with: {error.message}", path
            ) from error
        except TemplateError as error:
            raise TemplateError(
                f"Transform {INCLUDE} failed with: The specified S3 object's content should be"
                f" valid Yaml/JSON ({error.message})",
                path,
            ) from error


def _each(written: Any, path: Path) -> list[tuple[str, Any]]:
    """Return the macros that a ``Fn::Transform`` names, with their parameters."""
    for one in written if isinstance(written, list) else [written]:
        if not isinstance(one, dict) or not isinstance(one.get("Name"), str):
            raise TemplateError(
                "Template error: every Fn::Transform object requires a Name, and may have"
                " Parameters",
                path,
            )
    ones = written if isinstance(written, list) else [written]
    return [(one["Name"], one.get("Parameters")) for one in ones]
