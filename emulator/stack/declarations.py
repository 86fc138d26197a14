"""What a template declares, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.model.sandbox import ImageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDeclaration:
    """A layer whose content is the user's own folder."""

    arn: str
    #: The folder that functions find in /opt.
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDeclaration:
    """A function as its template or folder declares it."""

    name: str
    #: The unpacked code; None for an image.
    folder: Path | None
    handler: str
    #: AWS's identifier, e.g. "python3.12".
    runtime: str
    memory_mb: int = 128
    timeout_s: int = 3
    #: None leaves it unchanged.
    reserved_concurrency: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Size of /tmp.
    ephemeral_storage_mb: int = 512
    #: As in AWS's LoggingConfig.
    logging: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    #: Later ones above earlier ones.
    layers: tuple[LayerDeclaration, ...] = ()
    #: "x86_64" or "arm64".
    architecture: str = "x86_64"
    description: str = ""
    #: The image of a function whose PackageType is Image.
    image: str = ""
    image_config: ImageConfig | None = None
    #: Its function URL, as CreateFunctionUrlConfig takes it; None for none.
    url: Mapping[str, Any] | None = None
    #: Names of properties in the template that have no effect here.
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDeclaration:
    """An SQS queue."""

    #: What the template calls it.
    logical: str
    name: str
    #: As CreateQueue takes them.
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingDeclaration:
    """An event source mapping."""

    #: What the template calls it: "Function.Event", or the resource's own name.
    logical: str
    #: As CreateEventSourceMapping takes it.
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """Everything of one template or folder that is served."""

    functions: tuple[FunctionDeclaration, ...]
    queues: tuple[QueueDeclaration, ...] = ()
    mappings: tuple[MappingDeclaration, ...] = ()
    #: Why folders that look like functions are left out, one sentence each.
    left_out: tuple[str, ...] = ()
    #: The template's resources of kinds that are not served, with their kinds.
    not_made: tuple[str, ...] = ()
