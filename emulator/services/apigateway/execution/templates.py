"""Mapping templates (VTL): what they see, and what they make.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from emulator.services.apigateway.execution.call import MethodCall
from emulator.services.apigateway.execution.jsonpath import InvalidPath, find

#: What would lead from a value of a template to the interpreter's own.
_UNDERSCORES = re.compile(r"\.\s*__")


class TemplateFailure(Exception):
    """A template cannot be read, or fails."""


class JavaMap(dict[Any, Any]):
    """A map as Java prints it: ``{key=value}``."""

    def __str__(self) -> str:
        return "{" + ", ".join(f"{k}={_text(v)}" for k, v in self.items()) + "}"


class JavaList(list[Any]):
    """A list as Java prints it: ``[one, two]``."""

    def __str__(self) -> str:
        return "[" + ", ".join(_text(each) for each in self) + "]"


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def as_java(value: Any) -> Any:
    """Return a value whose maps and lists are printed as Java prints them."""
    if isinstance(value, Mapping):
        return JavaMap({k: as_java(v) for k, v in value.items()})
    if isinstance(value, list):
        return JavaList(as_java(each) for each in value)
    return value


class Input:
    """``$input``.

    Args:
        text: The body; "" for none.
        call: The request whose parameters it shows.
    """

    def __init__(self, text: str, call: MethodCall) -> None:
        # Recorded: a body that is not there is an empty object.
        self.body = text or "{}"
        self._call = call

    def _parsed(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body

    def path(self, path: str) -> Any:
        """Return what a JSONPath means in the body."""
        return as_java(_find(self._parsed(), path))

    def json(self, path: str) -> str:
        """Return what a JSONPath means in the body, as JSON."""
        found = _find(self._parsed(), path)
        return "" if found is None else json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def params(self, name: str | None = None) -> Any:
        """Return a parameter of the request: of its path, query or headers; or all of them."""
        call = self._call
        if name is None:
            return JavaMap(
                path=JavaMap(call.path_parameters),
                querystring=JavaMap(call.query),
                header=JavaMap(call.headers),
            )
        found = call.path_parameters.get(name)
        if found is None:
            found = call.query_value(name)
        if found is None:
            found = call.header(name)
        return "" if found is None else found


def _find(value: Any, path: str) -> Any:
    try:
        return find(value, path)
    except InvalidPath as error:
        raise TemplateFailure(f"invalid JSONPath: {error}") from error


class Util:
    """``$util``."""

    def escapeJavaScript(self, text: Any) -> str:
        """Return a text that may stand in a JavaScript string; "" for what is no text."""
        if not isinstance(text, str):
            return _text(text) if isinstance(text, int | float) else ""
        return json.dumps(text)[1:-1].replace("'", r"\'").replace("/", r"\/")

    def parseJson(self, text: str) -> Any:
        """Return what JSON says."""
        try:
            return as_java(json.loads(text))
        except (TypeError, ValueError) as error:
            raise TemplateFailure(f"$util.parseJson: {error}") from error

    def urlEncode(self, text: Any) -> str:
        """Return a text that may stand in a URL."""
        return "" if text is None else quote_plus(_text(text))

    def urlDecode(self, text: str) -> str:
        """Return the text of a part of a URL."""
        return unquote_plus(text)

    def base64Encode(self, text: str) -> str:
        """Return a text in base64."""
        return base64.b64encode(text.encode()).decode()

    def base64Decode(self, text: str) -> str:
        """Return the text of base64."""
        return base64.b64decode(text).decode("utf-8", "replace")


def context_of(call: MethodCall) -> JavaMap:
    """Return ``$context``; a template changes its overrides."""
    shown = as_java(call.context)
    for name in ("requestOverride", "responseOverride"):
        held = call.request_override if name == "requestOverride" else call.response_override
        shown[name] = as_java(held)
    return JavaMap(shown)


def render(template: str, text: str, call: MethodCall) -> str:
    """Return what a template makes of a body; what it overrides is kept in the call.

    Raises:
        TemplateFailure: It cannot be read, or fails.
    """
    context = context_of(call)
    namespace = {
        "input": Input(text, call),
        "util": Util(),
        "context": context,
        "stageVariables": JavaMap(call.stage_variables),
    }
    made = _merge(template, namespace)
    call.request_override = _plain(context["requestOverride"])
    call.response_override = _plain(context["responseOverride"])
    return made


def _plain(value: Any) -> dict[str, Any]:
    found = dict(value) if isinstance(value, Mapping) else {}
    for name in ("header", "path", "querystring"):
        if name in found and not isinstance(found[name], Mapping):
            del found[name]
    found.setdefault("header", {})
    return found


def _merge(template: str, namespace: dict[str, Any]) -> str:
    if "$" not in template and "#" not in template:
        return template
    try:
        return str(_compiled(template).merge(namespace))
    except TemplateFailure:
        raise
    except RecursionError:
        raise TemplateFailure("the template is nested too deeply") from None
    except Exception as error:
        cause = error.__cause__ or error
        if isinstance(cause, TemplateFailure):
            raise cause from error
        raise TemplateFailure(str(error)) from error


@lru_cache(maxsize=512)
def _compiled(template: str) -> Any:
    # With the first template: it takes some time to import.
    from airspeed import operators

    if _UNDERSCORES.search(template):
        raise TemplateFailure("names with two underscores in front are not allowed")
    _add_java_methods(operators)
    # "#set(...)" may follow text on its line; airspeed wants it at the begin of one.
    made = operators.Template(template)
    made.ensure_compiled()
    return made


def _add_java_methods(operators: Any) -> None:
    """Have values that templates see answer the methods that Java's have."""
    methods = operators.__additional_methods__
    if JavaMap in methods:
        return
    methods[JavaMap] = {
        **methods[dict],
        "keySet": lambda held: JavaList(held.keys()),
        "entrySet": lambda held: [JavaMap(key=k, value=v) for k, v in held.items()],
        "size": len,
        "isEmpty": lambda held: not held,
        "containsKey": lambda held, key: key in held,
        "containsValue": lambda held, value: value in held.values(),
    }
    methods[JavaList] = {**methods[list]}
    methods[str] = {
        **methods[str],
        "isEmpty": lambda held: not held,
        "toString": lambda held: held,
        "toLowerCase": lambda held: held.lower(),
        "toUpperCase": lambda held: held.upper(),
        "trim": lambda held: held.strip(),
        "equals": lambda held, other: held == other,
        "equalsIgnoreCase": lambda held, other: held.lower() == str(other).lower(),
        "concat": lambda held, other: held + other,
    }
