"""Read what to serve: from a SAM or CloudFormation template, or from bare folders.

What a template says in a property that matters here is either understood or refused with a
sentence that names it; what does not matter is listed in ``FunctionDeclaration.ignored``.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-specification.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.model.arn import function_arn
from emulator.model.errors import ConfigurationError
from emulator.model.limits import LAYERS
from emulator.registry import conventional, template_layers, template_queues
from emulator.registry.declarations import (
    Declarations,
    FunctionDeclaration,
    LayerDeclaration,
    MappingDeclaration,
)
from emulator.registry.document import Referent, Unresolved, Values, load

#: The names by which a template is found in a folder.
TEMPLATES = ("template.yaml", "template.yml", "template.json")
_SERVERLESS = "AWS::Serverless::Function"
_LAMBDA = "AWS::Lambda::Function"


def read(
    path: Path,
    *,
    parameters: Mapping[str, str] | None = None,
    region: str = "us-east-1",
    account: str = "000000000000",
    endpoint: str = "http://localhost:4566",
) -> Declarations:
    """Return what ``path`` declares, in the template's order.

    Args:
        path: A template, a folder with one (``template.yaml``, ``.yml`` or ``.json``), or a folder
            whose sub-folders (and itself) hold a file of a conventional name (``app.py``,
            ``lambda_function.py``, ``handler.py``, ``main.py``, ``index.js``, ``index.mjs``) that
            defines ``handler`` or ``lambda_handler``.
        parameters: Values of the template's parameters, instead of their defaults.
        region: What ``AWS::Region`` stands for.
        account: What ``AWS::AccountId`` stands for.
        endpoint: Where the emulator is reached: what queues' URLs begin with.

    Raises:
        ConfigurationError: There is nothing to serve, or the template can't be read or asks for
            what is not there; the text names file, resource and property.
    """
    if path.is_dir():
        templates = [path / name for name in TEMPLATES if (path / name).is_file()]
        if not templates:
            return Declarations(functions=_distinct(path, conventional.read(path, TEMPLATES)))
        path = templates[0]
    elif not path.exists():
        raise ConfigurationError(f"{path} does not exist")
    document = load(path)
    pseudo = {
        "AWS::Region": region,
        "AWS::AccountId": account,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": "localfaas",
        "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/localfaas/local",
    }
    values = Values(path, document, {**pseudo, **(parameters or {})})
    return _Template(path, document, values).read(region=region, account=account, endpoint=endpoint)


class _Template:
    """One template, while it is read."""

    def __init__(self, path: Path, document: dict[str, Any], values: Values) -> None:
        self._path, self._values = path, values
        every = values.mapping(document.get("Globals"), "Globals")
        self._shared = values.mapping(every.get("Function"), "Globals", "Function")
        self._resources = {
            name: values.mapping(body, name)
            for name, body in values.mapping(document.get("Resources"), "Resources").items()
        }

    def read(self, *, region: str, account: str, endpoint: str) -> Declarations:
        # First what others refer to.
        for name, properties in self._of(template_queues.QUEUE):
            queue = template_queues.queue_name(name, properties, self._values)
            self._values.resources[name] = template_queues.queue_referent(
                queue, region=region, account=account, endpoint=endpoint
            )
        layers = {}
        for kind in template_layers.KINDS:
            for name, properties in self._of(kind):
                layer = template_layers.read_layer(
                    self._path, name, properties, self._values, region=region, account=account
                )
                if layer is not None:
                    layers[layer.arn] = layer
                    self._values.resources[name] = Referent(ref=layer.arn, attributes={})
        functions = [
            _Function(self._path, name, kind, properties, self._values, layers)
            for kind in (_SERVERLESS, _LAMBDA)
            for name, properties in self._of(kind)
        ]
        order = list(self._resources)
        functions.sort(key=lambda function: order.index(function.logical))
        for function in functions:
            arn = function_arn(account, region, function.name)
            self._values.resources[function.logical] = Referent(
                ref=function.name, attributes={"Arn": arn}
            )
        if not functions:
            raise ConfigurationError(
                f"{self._path} declares no function ({_SERVERLESS} or {_LAMBDA})"
            )
        mappings = [mapping for function in functions for mapping in function.mappings()]
        mappings += [
            template_queues.read_mapping(self._path, name, properties, self._values)
            for name, properties in self._of(template_queues.MAPPING)
        ]
        return Declarations(
            functions=_distinct(
                self._path, [each.read(self._attributes(each.logical)) for each in functions]
            ),
            queues=tuple(
                template_queues.read_queue(self._path, name, properties, self._values)
                for name, properties in self._of(template_queues.QUEUE)
            ),
            mappings=tuple(mappings),
        )

    def _of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and properties of the resources of one kind."""
        for name, resource in self._resources.items():
            found = resource.get("Type")
            if not isinstance(found, str):
                raise ConfigurationError(f"{self._path}: {name} has no Type")
            if found == kind:
                own = self._values.mapping(resource.get("Properties"), name, "Properties")
                yield name, _merge(self._shared, own) if kind == _SERVERLESS else own

    def _attributes(self, name: str) -> list[str]:
        known = ("Type", "Properties", "Metadata", "DependsOn")
        return [key for key in self._resources[name] if key not in known]


class _Function:
    """One function resource, while it is read."""

    _USED = (
        "FunctionName",
        "Handler",
        "Runtime",
        "Layers",
        "MemorySize",
        "Timeout",
        "Environment",
        "Architectures",
        "Description",
        "PackageType",
        "ReservedConcurrentExecutions",
    )

    def __init__(
        self,
        path: Path,
        name: str,
        kind: str,
        properties: dict[str, Any],
        values: Values,
        layers: Mapping[str, LayerDeclaration],
    ) -> None:
        self._path, self._name, self._properties, self._values = path, name, properties, values
        self._declared_layers = layers
        self._code = "CodeUri" if kind == _SERVERLESS else "Code"
        self._events = properties.get("Events") if kind == _SERVERLESS else None
        #: What the template calls it, and what it is called.
        self.logical = name
        self.name = self._matching("FunctionName", r"[a-zA-Z0-9_-]{1,64}", default=name)

    def mappings(self) -> list[MappingDeclaration]:
        """Return the event source mappings among its events."""
        return [
            template_queues.read_event(self._path, self.name, where, properties, self._values)
            for where, kind, properties in self._each_event()
            if kind in template_queues.EVENTS
        ]

    def _each_event(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        events = self._values.mapping(self._events, self._name, "Events")
        for name, body in events.items():
            where = f"{self._name}.Events.{name}"
            event = self._values.mapping(body, where)
            if not isinstance(event.get("Type"), str):
                raise ConfigurationError(f"{self._path}: {where} has no Type")
            properties = self._values.mapping(event.get("Properties"), where, "Properties")
            yield where, event["Type"], properties

    def read(self, attributes: list[str]) -> FunctionDeclaration:
        self._refuse_what_is_not_there()
        used = {*self._USED, self._code, *(("Events",) if self._events is not None else ())}
        events = [
            f"{where.removeprefix(self._name + '.')} ({kind})"
            for where, kind, _ in self._each_event()
            if kind not in template_queues.EVENTS
        ]
        environment, unset = self._environment()
        layers, missing = self._layers()
        return FunctionDeclaration(
            name=self.name,
            folder=self._folder(),
            handler=self._matching("Handler", r"\S{1,128}"),
            runtime=self._matching("Runtime", r"[a-z]+[a-z0-9.]*"),
            memory_mb=self._number("MemorySize", 128, 10_240, default=128),
            timeout_s=self._number("Timeout", 1, 900, default=3),
            reserved_concurrency=self._number("ReservedConcurrentExecutions", 0, 1000, default=0)
            if "ReservedConcurrentExecutions" in self._properties
            else None,
            environment=environment,
            layers=layers,
            architecture=self._architecture(),
            description=self._text("Description", default=""),
            ignored=(
                *attributes,
                *(k for k in self._properties if k not in used),
                *events,
                *unset,
                *missing,
            ),
        )

    def _error(self, where: str, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self._path}: {self._name}.{where} {problem}")

    def _refuse_what_is_not_there(self) -> None:
        if self._text("PackageType", default="Zip") != "Zip":
            raise self._error(
                "PackageType", "is not Zip: images are not read from templates; use CreateFunction"
            )
        if "InlineCode" in self._properties:
            raise self._error("InlineCode", "is not read from templates; put the code in a file")

    def _value(self, name: str) -> Any:
        return self._values.resolve(self._properties.get(name), self._name, name)

    def _text(self, name: str, *, default: str | None = None) -> str:
        value = self._value(name)
        if value is None:
            if default is None:
                raise self._error(name, "is missing")
            return default
        return self._scalar(value, name)

    def _scalar(self, value: Any, where: str) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (str, int, float)):
            return str(value)
        raise self._error(where, f"must be text, not {_kind(value)}")

    def _matching(self, name: str, pattern: str, *, default: str | None = None) -> str:
        text = self._text(name, default=default)
        if not re.fullmatch(pattern, text):
            raise self._error(name, f"is {text!r}, which does not match {pattern}")
        return text

    def _number(self, name: str, least: int, most: int, *, default: int) -> int:
        text = self._text(name, default=str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise self._error(name, f"is {text!r}; it must be a number from {least} to {most}")
        return int(text)

    def _environment(self) -> tuple[dict[str, str], list[str]]:
        """Return the variables, and what is to be said of those that can't be set."""
        name, given = self._name, self._properties.get("Environment")
        environment = self._values.mapping(
            self._values.resolve(given, name, "Environment") if _is_call(given) else given,
            name,
            "Environment",
        )
        where = "Environment.Variables"
        variables = self._values.mapping(environment.get("Variables"), name, where)
        result, unset = {}, []
        for key, value in variables.items():
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]+", key):
                raise self._error(where, f"has a name that AWS does not take: {key!r}")
            if value == {"Ref": "AWS::NoValue"}:
                continue
            at = f"{name}.{where}.{key}"
            try:
                result[key] = self._scalar(self._values.resolve(value, at), f"{where}.{key}")
            except Unresolved as error:
                # Functions that never look at it run all the same.
                problem = str(error).removeprefix(f"{self._path}: {at} ")
                unset.append(f"Environment.Variables.{key}, which {problem}")
        return result, unset

    def _layers(self) -> tuple[tuple[LayerDeclaration, ...], list[str]]:
        """Return the layers whose content is here, and what is to be said of the others."""
        given = self._properties.get("Layers")
        found, missing = [], []
        for one in given if isinstance(given, list) else [given] if given else []:
            try:
                arn = self._scalar(self._values.resolve(one, self._name, "Layers"), "Layers")
            except Unresolved as error:
                problem = str(error).removeprefix(f"{self._path}: {self._name}.Layers ")
                missing.append(f"Layers, of which one {problem}")
                continue
            layer = self._declared_layers.get(arn)
            if layer is None:
                missing.append(f"Layers: {arn} is not in the template")
            else:
                found.append(layer)
        if len(found) > LAYERS:
            raise self._error("Layers", f"are more than the {LAYERS} that a function may have")
        return tuple(found), missing

    def _architecture(self) -> str:
        value = self._value("Architectures")
        if value is None:
            return "x86_64"
        if isinstance(value, list) and len(value) == 1 and value[0] in ("x86_64", "arm64"):
            return str(value[0])
        raise self._error("Architectures", "must be [x86_64] or [arm64]")

    def _folder(self) -> Path:
        value = self._value(self._code)
        if value is None:
            raise self._error(self._code, "is missing")
        if not isinstance(value, str) or value.startswith("s3://"):
            raise self._error(self._code, "must be a local folder, relative to the template")
        folder = self._path.parent / value
        try:
            if folder.is_dir():
                return folder.resolve()
        except (OSError, ValueError):
            pass  # no name of a folder at all: said below
        raise self._error(self._code, f"is {value!r}, which is no folder next to the template")


def _merge(shared: Any, own: Any) -> Any:
    """Merge as SAM does: maps by key, lists one after the other, else the function's own."""
    if isinstance(shared, dict) and isinstance(own, dict):
        if any(_is_intrinsic(value) for value in (shared, own)):
            return own
        return shared | {
            key: _merge(shared[key], value) if key in shared else value
            for key, value in own.items()
        }
    if isinstance(shared, list) and isinstance(own, list):
        return shared + own
    return own


def _is_call(value: Any) -> bool:
    return isinstance(value, dict) and _is_intrinsic(value)


def _is_intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and all(key == "Ref" or str(key).startswith("Fn::") for key in value)


def _distinct(path: Path, found: list[FunctionDeclaration]) -> tuple[FunctionDeclaration, ...]:
    names = [declaration.name for declaration in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{path} declares {', '.join(twice)} twice")
    return tuple(found)


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(
        type(value), f"a {type(value).__name__}"
    )
