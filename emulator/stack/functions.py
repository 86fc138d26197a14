"""One function of a template, property by property."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from emulator.model.errors import ConfigurationError
from emulator.model.limits import LAYERS
from emulator.stack import images as template_images
from emulator.stack import queues as template_queues
from emulator.stack.declarations import (
    FunctionDeclaration,
    LayerDeclaration,
    MappingDeclaration,
)
from emulator.stack.document import Unresolved, Values, is_call

SERVERLESS = "AWS::Serverless::Function"
LAMBDA = "AWS::Lambda::Function"


class FunctionReader:
    """Reads one function resource."""

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
        "EphemeralStorage",
        "LoggingConfig",
        "PackageType",
        "ReservedConcurrentExecutions",
        "Tags",
    )
    _LOGGING: ClassVar[dict[str, str]] = {
        "LogFormat": "Text|JSON",
        "ApplicationLogLevel": "TRACE|DEBUG|INFO|WARN|ERROR|FATAL",
        "SystemLogLevel": "DEBUG|INFO|WARN",
        "LogGroup": r"[a-zA-Z0-9_/.#-]{1,512}",
    }

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
        self._code = "CodeUri" if kind == SERVERLESS else "Code"
        self._events = properties.get("Events") if kind == SERVERLESS else None
        #: Its logical name in the template, and its real name.
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
        serverless = ("Events", "FunctionUrlConfig") if self._code == "CodeUri" else ()
        image = self._text("PackageType", default="Zip") == "Image"
        if image:
            serverless = (*serverless, "ImageUri", "ImageConfig")
        at = (str(self._path), self._name, self._properties, self._values)
        used = {*self._USED, self._code, *serverless}
        events = [
            f"{where.removeprefix(self._name + '.')} ({kind})"
            for where, kind, _ in self._each_event()
            if kind not in template_queues.EVENTS
        ]
        environment, unset = self._environment()
        layers, missing = self._layers()
        return FunctionDeclaration(
            name=self.name,
            folder=None if image else self._folder(),
            image=template_images.read_uri(*at) if image else "",
            image_config=template_images.read_config(*at) if image else None,
            handler="" if image else self._matching("Handler", r"\S{1,128}"),
            runtime="" if image else self._matching("Runtime", r"[a-z]+[a-z0-9.]*"),
            memory_mb=self._number("MemorySize", 128, 10_240, default=128),
            timeout_s=self._number("Timeout", 1, 900, default=3),
            reserved_concurrency=self._number("ReservedConcurrentExecutions", 0, 1000, default=0)
            if "ReservedConcurrentExecutions" in self._properties
            else None,
            environment=environment,
            ephemeral_storage_mb=self._storage(),
            logging=self._logging(),
            tags=self._tags(),
            layers=layers,
            architecture=self._architecture(),
            description=self._text("Description", default=""),
            url=self._url(),
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
        if self._text("PackageType", default="Zip") not in ("Zip", "Image"):
            raise self._error("PackageType", "must be Zip or Image")
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
        """Return the variables, and notes on those that cannot be set."""
        name, given = self._name, self._properties.get("Environment")
        environment = self._values.mapping(
            self._values.resolve(given, name, "Environment") if is_call(given) else given,
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
                # Functions that never read it run anyway.
                unset.append(f"Environment.{key} ({error.reason})")
        return result, unset

    def _storage(self) -> int:
        value = self._value("EphemeralStorage")
        size = self._values.mapping(value, self._name, "EphemeralStorage").get("Size", 512)
        if not isinstance(size, (int, str)) or not re.fullmatch(r"[0-9]{1,9}", str(size)):
            raise self._error("EphemeralStorage.Size", f"is {size!r}; it must be a number")
        if not 512 <= int(size) <= 10_240:
            raise self._error("EphemeralStorage.Size", f"is {size}; it must be from 512 to 10240")
        return int(size)

    def _logging(self) -> dict[str, str]:
        given = self._values.mapping(self._value("LoggingConfig"), self._name, "LoggingConfig")
        for key, value in given.items():
            where = f"LoggingConfig.{key}"
            pattern = self._LOGGING.get(key)
            if pattern is None:
                raise self._error(where, "is not known")
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise self._error(where, f"is {value!r}, which does not match {pattern}")
        if given.get("LogFormat") != "JSON" and any(key.endswith("Level") for key in given):
            raise self._error("LoggingConfig", "has a level, which needs the LogFormat JSON")
        return given

    def _url(self) -> dict[str, Any] | None:
        """Return the function URL; its members are checked when it is created."""
        value = self._value("FunctionUrlConfig") if self._code == "CodeUri" else None
        if value is None:
            return None
        return self._values.mapping(value, self._name, "FunctionUrlConfig")

    def _tags(self) -> dict[str, str]:
        value = self._value("Tags")
        if isinstance(value, list):  # of a plain function: a list of keys and values
            pairs = [self._values.mapping(each, self._name, "Tags") for each in value]
            value = {str(each.get("Key", "")): each.get("Value", "") for each in pairs}
        tags = self._values.mapping(value, self._name, "Tags")
        return {key: self._scalar(text, f"Tags.{key}") for key, text in tags.items()}

    def _layers(self) -> tuple[tuple[LayerDeclaration, ...], list[str]]:
        """Return the layers whose content is here, and notes on the others."""
        given = self._properties.get("Layers")
        found, missing = [], []
        for one in given if isinstance(given, list) else [given] if given else []:
            try:
                arn = self._scalar(self._values.resolve(one, self._name, "Layers"), "Layers")
            except Unresolved as error:
                missing.append(f"Layers ({error.reason})")
                continue
            layer = self._declared_layers.get(arn)
            if layer is None:
                missing.append(f"Layers ({arn})")
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


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(
        type(value), f"a {type(value).__name__}"
    )
