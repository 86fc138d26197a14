"""Templates with the user's own files in them, made ready for CloudFormation on this machine.

What ``aws cloudformation package`` uploads stays where it is: code becomes an object of the bucket
``hot-reload``, whose key is its path, so that it is followed as it changes. Definitions are put
into the template, nested templates into a bucket.

Source: https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.model.aws_layers import is_known
from emulator.model.errors import ConfigurationError
from emulator.stack import document
from emulator.stack.errors import NotYetKnown, TemplateError

#: The bucket whose keys are paths on this machine.
LIVE = "hot-reload"
#: The bucket of nested templates.
TEMPLATES = "localfaas-templates"
SERVERLESS, LAMBDA = "AWS::Serverless::Function", "AWS::Lambda::Function"
_LAYERS = {
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Lambda::LayerVersion": "Content",
}
#: Where code is in a function, and in which form its place in a bucket.
_CODE = {SERVERLESS: "CodeUri", LAMBDA: "Code", **_LAYERS}
#: Properties that name a file with a definition: the property that holds it instead.
_DEFINITIONS = {
    "AWS::ApiGateway::RestApi": ("BodyS3Location", "Body"),
    "AWS::ApiGatewayV2::Api": ("BodyS3Location", "Body"),
    "AWS::Serverless::Api": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::HttpApi": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::StateMachine": ("DefinitionUri", "Definition"),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", "Definition"),
}
#: Properties that name a template.
_NESTED = {
    "AWS::CloudFormation::Stack": "TemplateURL",
    "AWS::Serverless::Application": "Location",
}
_INCLUDE = "AWS::Include"
#: Templates within templates at most.
_DEEPEST = 10
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
#: The account and the name of a layer's version.
_LAYER = re.compile(r"arn:[^:]*:lambda:[^:]*:(\d{12}):layer:([^:]+):\d+")
_LONGEST_NAME = 64
#: How the names of archives of code end.
_ARCHIVES = (".zip", ".jar", ".war")
#: Returns the code that was built for a function or layer from a folder.
Built = Callable[[str, Mapping[str, Any], Path], Path | None]
#: Works out a value from parameters and mappings alone.
Resolve = Callable[[Any], Any]


@dataclass(slots=True, kw_only=True)
class Local:
    """What there is on this machine beside the templates.

    Attributes:
        account: The emulator's: layers of another one are not here.
        variables: Further environment variables by function; those of ``""`` are every function's.
        taken: Names that functions and queues already have: other templates gave them.
    """

    account: str = "000000000000"
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Packaged:
    """A template that is ready, and what was taken from the disk for it."""

    body: dict[str, Any]
    #: Folders and archives that are served live.
    code: set[Path] = field(default_factory=set)
    #: Files that were read or looked for: when one changes, the template does.
    inputs: set[Path] = field(default_factory=set)
    #: Nested templates by their keys.
    nested: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    #: Why resources can't be had, by their names.
    refused: dict[str, str] = field(default_factory=dict)
    #: Functions by the names they get, where these are those in the template.
    names: dict[str, str] = field(default_factory=dict)


def package(
    body: dict[str, Any],
    folder: Path,
    resolve: Resolve,
    local: Local,
    *,
    built: Built = lambda logical, resource, source: None,
    depth: int = 0,
) -> Packaged:
    """Return a template without paths.

    Args:
        body: The template, with loops written out. It is not changed.
        folder: What its paths are relative to.
        resolve: Works out values of properties.
        local: What else there is.
        built: Returns the code that was built for a function or layer, by its name, from the
            folder of its sources; None for most.
        depth: How many templates it is nested in.

    Raises:
        ConfigurationError: A definition or a nested template can't be read.
    """
    found = Packaged(body={})
    included = _Includes(folder, found).apply(body)
    _Packaging(found, folder, resolve, local, built, depth).fill(included)
    return found


class _Packaging:
    """One template, while it is packaged."""

    def __init__(
        self,
        found: Packaged,
        folder: Path,
        resolve: Resolve,
        local: Local,
        built: Built,
        depth: int,
    ) -> None:
        self._found, self._folder, self._resolve = found, folder, resolve
        self._local, self._built, self._depth = local, built, depth
        self._shared: Mapping[str, Any] = {}

    def fill(self, body: dict[str, Any]) -> None:
        every = body.get("Globals")
        shared = every.get("Function") if isinstance(every, dict) else None
        self._shared = shared if isinstance(shared, dict) else {}
        resources = body.get("Resources")
        made: dict[str, Any] = {}
        for logical, resource in resources.items() if isinstance(resources, dict) else ():
            made[logical] = self._resource(str(logical), resource)
        self._found.body = {**body, "Resources": made} if made else body

    def _resource(self, logical: str, resource: Any) -> Any:
        if not isinstance(resource, dict):
            return resource
        kind = resource.get("Type")
        given = resource.get("Properties")
        if not isinstance(kind, str) or not isinstance(given, dict | None):
            return resource
        properties = dict(given or {})
        if kind in (SERVERLESS, LAMBDA):
            self._function(logical, kind, resource, properties)
        elif kind in _LAYERS:
            self._layer(logical, kind, resource, properties)
        elif kind == "AWS::SQS::Queue":
            fifo = str(self._value(properties.get("FifoQueue"))).lower() == "true"
            self._name(logical, properties, "QueueName", ".fifo" if fifo else "")
        elif kind in _DEFINITIONS:
            self._definition(logical, *_DEFINITIONS[kind], properties)
        elif kind in _NESTED:
            self._nested(logical, _NESTED[kind], properties)
        return {**resource, "Properties": properties} if properties else resource

    # --- functions and layers --------------------------------------------------------------------

    def _function(
        self, logical: str, kind: str, resource: Mapping[str, Any], properties: dict[str, Any]
    ) -> None:
        self._name(logical, properties, "FunctionName")
        named = self._value(properties.get("FunctionName"))
        self._found.names[logical] = named if isinstance(named, str) else logical
        name = _CODE[kind]
        shared = self._shared if kind == SERVERLESS else {}
        given = properties.get(name, shared.get(name))
        image = "Image" in (properties.get("PackageType"), shared.get("PackageType"))
        is_inline = kind == SERVERLESS and "InlineCode" in {**shared, **properties}
        if kind == SERVERLESS and given is None and not image and not is_inline:
            # SAM takes the template's own folder.
            given = "."
        if isinstance(given := self._value(given), str) and not _ELSEWHERE.match(given):
            properties[name] = self._live(logical, kind, resource, given)
        self._variables(logical, shared, properties)
        self._layers(logical, shared, properties)

    def _layer(
        self, logical: str, kind: str, resource: Mapping[str, Any], properties: dict[str, Any]
    ) -> None:
        name = _CODE[kind]
        given = self._value(properties.get(name))
        if isinstance(given, str) and not _ELSEWHERE.match(given):
            properties[name] = self._live(logical, kind, resource, given)
        properties.setdefault("LayerName", logical)

    def _live(
        self, logical: str, kind: str, resource: Mapping[str, Any], given: str
    ) -> dict[str, str]:
        path = _place(self._folder / given)
        if path.suffix.lower() not in _ARCHIVES and (built := self._built(logical, resource, path)):
            path = _place(built)
        self._found.code.add(path)
        if kind.startswith("AWS::Serverless::"):
            return {"Bucket": LIVE, "Key": str(path)}
        return {"S3Bucket": LIVE, "S3Key": str(path)}

    def _name(self, logical: str, properties: dict[str, Any], name: str, ending: str = "") -> None:
        """Give a resource the name it has in the template, which its user knows."""
        wanted = f"{logical}{ending}"
        if properties.get(name) is None and len(wanted) <= _LONGEST_NAME:
            key = f"{name}:{wanted}"
            if key in self._local.taken or self._depth:
                return
            self._local.taken.add(key)
            properties[name] = wanted

    def _variables(
        self, logical: str, shared: Mapping[str, Any], properties: dict[str, Any]
    ) -> None:
        more = {**self._local.variables.get("", {}), **self._local.variables.get(logical, {})}
        if not more:
            return
        environment = properties.get("Environment") or {}
        variables = environment.get("Variables") if isinstance(environment, dict) else None
        if not isinstance(environment, dict) or not isinstance(variables, dict | None):
            self._found.notes.append(f"{logical}: its Environment is no mapping: no more is added")
            return
        properties["Environment"] = {**environment, "Variables": {**(variables or {}), **more}}

    def _layers(self, logical: str, shared: Mapping[str, Any], properties: dict[str, Any]) -> None:
        """Leave out layers of other accounts: AWS has them, and this machine does not."""
        for holder in (properties, shared):
            layers = holder.get("Layers")
            if not isinstance(layers, list):
                continue
            kept = []
            for layer in layers:
                arn = self._value(layer)
                match = _LAYER.fullmatch(arn) if isinstance(arn, str) else None
                own = match is None or match[1] == self._local.account
                if own or is_known(arn):
                    kept.append(layer)
                    continue
                assert match is not None
                self._found.notes.append(
                    f"{logical}: the layer {match[2]} is another account's and not here: what it "
                    "holds has to be in the function's folder"
                )
            if len(kept) < len(layers) and holder is properties:
                properties["Layers"] = kept
            elif len(kept) < len(layers) and isinstance(shared, dict):
                shared["Layers"] = kept

    def _value(self, value: Any) -> Any:
        """Return a value worked out; as it is written where that needs a resource."""
        if not isinstance(value, dict | list):
            return value
        try:
            return self._resolve(value)
        except (TemplateError, NotYetKnown):
            return value

    # --- definitions and nested templates --------------------------------------------------------

    def _definition(
        self, logical: str, name: str, instead: str, properties: dict[str, Any]
    ) -> None:
        given = self._value(properties.get(name))
        if not isinstance(given, str) or _ELSEWHERE.match(given):
            return
        try:
            definition = _read(self._folder / given, self._found, name)
        except ConfigurationError as error:
            self._found.refused[logical] = str(error)
            return
        properties.pop(name)
        properties[instead] = _Includes(self._folder, self._found).apply(definition)

    def _nested(self, logical: str, name: str, properties: dict[str, Any]) -> None:
        given = self._value(properties.get(name))
        if isinstance(given, dict) and "ApplicationId" in given:
            self._found.refused[logical] = (
                "localfaas does not serve the Serverless Application Repository"
            )
        if not isinstance(given, str) or _ELSEWHERE.match(given):
            return
        if self._depth == _DEEPEST:
            raise ConfigurationError(f"{logical}.{name}: templates are nested too deeply")
        path = self._folder / given
        self._found.inputs.add(path)
        try:
            body = document.read(path).body
        except ConfigurationError as error:
            self._found.refused[logical] = f"{name}: {error}"
            return
        below = package(body, path.parent, lambda value: value, self._local, depth=self._depth + 1)
        text = json.dumps(below.body, default=str)
        key = f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.json"
        self._found.nested |= {**below.nested, key: text}
        self._found.code |= below.code
        self._found.inputs |= below.inputs
        self._found.notes += below.notes
        properties[name] = f"https://{TEMPLATES}.s3.amazonaws.com/{key}"


class _Includes:
    """Puts local files in the place of ``Fn::Transform`` with ``AWS::Include``."""

    def __init__(self, folder: Path, found: Packaged) -> None:
        self._folder, self._found = folder, found

    def apply(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, list):
            return [self.apply(item, depth) for item in value]
        if not isinstance(value, dict):
            return value
        result: dict[Any, Any] = {}
        for key, item in value.items():
            location = _location(item) if key == "Fn::Transform" else None
            if location is None or _ELSEWHERE.match(location):
                result[key] = self.apply(item, depth)
                continue
            if depth == _DEEPEST:
                raise ConfigurationError(f"{location}: files are included too deeply")
            content = _read(self._folder / location, self._found, _INCLUDE)
            included = self.apply(content, depth + 1)
            if not isinstance(included, dict):
                raise ConfigurationError(f"{location}: {_INCLUDE} needs a mapping")
            result |= {k: v for k, v in included.items() if k not in value}
        return result


def _place(code: Path) -> Path:
    """Return the folder or the archive that is served."""
    path = code.resolve()  # a link would lead nowhere inside a sandbox
    if path.suffix.lower() not in _ARCHIVES and path.is_file():
        # A single file: ``aws cloudformation package`` zips it. Here its folder is served.
        return path.parent
    return path


def _location(value: Any) -> str | None:
    if not isinstance(value, dict) or value.get("Name") != _INCLUDE:
        return None
    parameters = value.get("Parameters")
    location = parameters.get("Location") if isinstance(parameters, dict) else None
    return location if isinstance(location, str) else None


def _read(path: Path, found: Packaged, where: str) -> Any:
    """Return a file's content as a part of a template."""
    found.inputs.add(path)
    try:
        return document.read(path).body
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error
