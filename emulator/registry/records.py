"""Functions and their versions as JSON documents, and back.

A function's document holds what changes (``$LATEST``, aliases, what is attached); each published
version has a document of its own, written once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.model.sandbox import ImageConfig
from emulator.registry.attachments import Attachments
from emulator.registry.function import Alias, Function

_CODE = tuple(field.name for field in dataclasses.fields(Code))
_VERSION = tuple(field.name for field in dataclasses.fields(FunctionVersion) if field.init)
_FUNCTION = ("next_version", "published", "reserved_concurrency", "tags")


def of_function(function: Function) -> dict[str, Any]:
    """Return a function's document: its state after any transition."""
    body: dict[str, Any] = {name: getattr(function, name) for name in _FUNCTION}
    body["attached"] = function.attached.to_document()
    body["latest"] = of_version(function.settled("$LATEST"))
    body["aliases"] = [dataclasses.asdict(alias) for alias in function.aliases.values()]
    return body


def of_version(version: FunctionVersion) -> dict[str, Any]:
    """Return a version's document; empty fields are left out."""
    body: dict[str, Any] = {}
    for name in _VERSION:
        value = getattr(version, name)
        if value is None or value == "" or value == ():
            continue
        if name == "code":
            value = of_code(value)
        elif name == "layers":
            value = [{"arn": layer.arn, "code": of_code(layer.code)} for layer in value]
        elif name == "image_config":
            value = dataclasses.asdict(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        body[name] = value
    return body


def of_code(code: Code) -> dict[str, Any]:
    """Return code's document. It has the folder's name alone, so the state folder can be moved."""
    rare = ("private", "archive")
    body = {name: getattr(code, name) for name in _CODE if name not in rare or getattr(code, name)}
    if code.archive is not None:
        body["archive"] = str(code.archive)
    if code.folder is not None:
        body["folder"] = str(code.folder) if code.live else code.folder.name
    return body


def to_code(body: Mapping[str, Any], code_folder: Path) -> Code:
    """Return the code a document holds.

    Args:
        body: The document's body.
        code_folder: Where archives lie unpacked.
    """
    fields = dict(body)
    if fields.get("folder"):
        fields["folder"] = code_folder / fields["folder"]
    if fields.get("archive"):
        fields["archive"] = Path(fields["archive"])
    return Code(**fields)


def to_version(body: Mapping[str, Any], code_folder: Path) -> FunctionVersion:
    """Return the version of a document.

    Args:
        body: The document.
        code_folder: The folder of unpacked archives.
    """
    fields = {name: value for name, value in body.items() if name in _VERSION}
    fields["code"] = to_code(body["code"], code_folder)
    fields["layers"] = tuple(
        LayerVersion(arn=layer["arn"], code=to_code(layer["code"], code_folder))
        for layer in body.get("layers", ())
    )
    if "image_config" in body:
        image = body["image_config"]
        fields["image_config"] = ImageConfig(
            entrypoint=tuple(image["entrypoint"]),
            command=tuple(image["command"]),
            working_directory=image["working_directory"],
        )
    return FunctionVersion(**fields)


def to_function(body: Mapping[str, Any], code_folder: Path) -> Function:
    """Return the function of a document, without its published versions.

    Args:
        body: The document.
        code_folder: The folder of unpacked archives.
    """
    fields = {name: body[name] for name in _FUNCTION if name in body}
    if fields.get("published") is not None:
        fields["published"] = tuple(fields["published"])
    aliases = [Alias(**alias) for alias in body["aliases"]]
    return Function(
        latest=to_version(body["latest"], code_folder),
        aliases={alias.name: alias for alias in aliases},
        attached=Attachments.from_document(body.get("attached", {})),
        **fields,
    )
