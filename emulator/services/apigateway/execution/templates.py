"""Mapping templates (VTL): what they see, and what they make.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from emulator.services.apigateway.bounded import (
    BoundedWorker,
    TakesTooLong,
    is_quick_template,
)
from emulator.services.apigateway.execution.call import MethodCall, Pairs
from emulator.services.apigateway.execution.jsonpath import InvalidPath, find

#: The most characters that a template may make, and rounds of a loop: the rest is left out.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
_LONGEST, _MOST_ROUNDS = 10 * 1024 * 1024, 1000
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


@dataclass(slots=True, kw_only=True)
class Given:
    """What a template sees of a request beside its body, and what it has set."""

    path_parameters: dict[str, str] = field(default_factory=dict)
    query: Pairs = field(default_factory=list)
    headers: Pairs = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)
    stage_variables: dict[str, str] = field(default_factory=dict)
    request_override: dict[str, Any] = field(default_factory=dict)
    response_override: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(call: MethodCall) -> Given:
        """Return what a request gives."""
        return Given(**{name: getattr(call, name) for name in Given.__slots__})

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> Given:
        """Return what was made a document by ``asdict``."""
        given = Given(**document)
        given.query = [(name, value) for name, value in given.query]
        given.headers = [(name, value) for name, value in given.headers]
        return given


class Input:
    """``$input``.

    Args:
        text: The body; "" for none.
        given: What it shows of the request beside the body.
    """

    def __init__(self, text: str, given: Given) -> None:
        # Recorded: a body that is not there is an empty object.
        self.body = text or "{}"
        self._given = given

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
        # What is not there is an empty text: a template around it makes JSON all the same.
        found = "" if found is None else found
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def params(self, name: str | None = None) -> Any:
        """Return a parameter of the request: of its path, query or headers; or all of them."""
        given = self._given
        if name is None:
            return JavaMap(
                path=JavaMap(given.path_parameters),
                querystring=JavaMap(given.query),
                header=JavaMap(given.headers),
            )
        found = given.path_parameters.get(name)
        if found is None:
            found = _last(given.query, name)
        if found is None and isinstance(name, str):
            lower = name.lower()
            found = _last([(key.lower(), value) for key, value in given.headers], lower)
        return "" if found is None else found


def _last(pairs: Pairs, name: Any) -> str | None:
    return next((value for key, value in reversed(pairs) if key == name), None)


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


def context_of(given: Given) -> JavaMap:
    """Return ``$context``; a template changes its overrides."""
    shown = as_java(given.context)
    shown["requestOverride"] = as_java(given.request_override)
    shown["responseOverride"] = as_java(given.response_override)
    return JavaMap(shown)


async def render(template: str, text: str, call: MethodCall) -> str:
    """Return what a template makes of a body; what it overrides is kept in the call.

    Raises:
        TemplateFailure: It cannot be read, fails, or takes too long.
    """
    if "$" not in template and "#" not in template:
        return template
    given = Given.of(call)
    if is_quick_template(template, len(text)):
        made = render_here(template, text, given)
    else:
        worker: BoundedWorker = (await call.parts.table.state("apigateway")).bounded
        job = {"do": "render", "template": template, "text": text, "given": asdict(given)}
        try:
            answer = await worker.ask(job)
        except TakesTooLong as error:
            raise TemplateFailure("the template takes too long") from error
        if "failure" in answer:
            raise TemplateFailure(answer["failure"])
        made = answer["text"]
        given.request_override, given.response_override = answer["request"], answer["response"]
    call.request_override = given.request_override
    call.response_override = given.response_override
    return made


def render_here(template: str, text: str, given: Given) -> str:
    """Return what a template makes of a body, without bounds; what it overrides is kept.

    Raises:
        TemplateFailure: It cannot be read, or fails.
    """
    context = context_of(given)
    namespace = {
        "input": Input(text, given),
        "util": Util(),
        "context": context,
        "stageVariables": JavaMap(given.stage_variables),
    }
    made = _merge(template, namespace)
    if len(made) > _LONGEST:
        raise TemplateFailure("the template makes too long a text")
    given.request_override = _plain(context["requestOverride"])
    given.response_override = _plain(context["responseOverride"])
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
        # airspeed says where in the template it was, around the error itself.
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, TemplateFailure):
                raise cause from error
            if isinstance(cause, MemoryError):
                raise TemplateFailure("it needs too much memory") from error
            cause = cause.__cause__ or cause.__context__
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
    _adapt(made.root_element, operators, set())
    return made


class _AtMost:
    """The values of a loop: the first thousand."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def calculate(self, *given: Any) -> Any:
        """Return what the loop goes through."""
        found = self._value.calculate(*given)
        if not hasattr(found, "__len__") or len(found) <= _MOST_ROUNDS:
            return found
        return JavaList(islice(found, _MOST_ROUNDS))


class _JavaLiteral:
    """A map or a list that is written out in a template."""

    def __init__(self, calculate: Callable[..., Any], made: type) -> None:
        self._calculate, self._made = calculate, made

    def __call__(self, *given: Any) -> Any:
        """Return the map or list, as Java prints it."""
        return self._made(self._calculate(*given))


def _adapt(element: Any, operators: Any, seen: set[int]) -> None:
    """Have what is below an element of a template do as Velocity does.

    Loops end after a thousand rounds; maps and lists that are written out are Java's.
    """
    if id(element) in seen:
        return
    seen.add(id(element))
    if isinstance(element, (list, tuple, dict)):
        for each in element.items() if isinstance(element, dict) else element:
            _adapt(each, operators, seen)
    elif type(element).__module__ == operators.__name__:
        for each in list(vars(element).values()):
            _adapt(each, operators, seen)
        if isinstance(element, operators.ForeachDirective):
            element.value = _AtMost(element.value)
        elif isinstance(element, operators.DictionaryLiteral):
            element.calculate = _JavaLiteral(element.calculate, JavaMap)
        elif isinstance(element, operators.ArrayLiteral):
            element.calculate = _JavaLiteral(element.calculate, JavaList)


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
