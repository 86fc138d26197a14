"""Documents as they come: JSON or YAML, OpenAPI 3 or Swagger 2, read as one form.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from emulator.model import plain_yaml
from emulator.model.errors import AwsError
from emulator.services.apigateway.errors import bad_request
from emulator.services.whole_objects import LARGEST_DEFINITION

_UNREADABLE = "Unable to parse API definition because of a malformed {} at {}"


def too_large() -> AwsError:
    """Return the error of a definition that has too many bytes."""
    return bad_request("API definition exceeds the limit of 6 MB")


async def read(body: bytes) -> dict[str, Any]:
    """Return a document.

    Raises:
        AwsError: It is none.
    """
    if len(body) > LARGEST_DEFINITION:
        raise too_large()
    try:
        text = body.decode()
        try:
            document = json.loads(text)
        except ValueError:
            document = await plain_yaml.read(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise bad_request("Invalid OpenAPI input.")
    return document


class Document:
    """A definition, in either version.

    Raises:
        AwsError: It is of no version there is.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.raw = document
        self.is_swagger = str(document.get("swagger", "")).startswith("2")
        if not self.is_swagger and not str(document.get("openapi", "")).startswith("3."):
            raise bad_request("Invalid OpenAPI input.")

    @property
    def info(self) -> Mapping[str, Any]:
        """Title, version and description."""
        return mapping(self.raw.get("info"))

    def extension(self, name: str) -> Any:
        """Return what "x-amazon-apigateway-…" says of the API; None without a word."""
        return self.raw.get(f"x-amazon-apigateway-{name}")

    @property
    def schemas(self) -> Mapping[str, Any]:
        """The models, by name."""
        if self.is_swagger:
            return mapping(self.raw.get("definitions"))
        return mapping(mapping(self.raw.get("components")).get("schemas"))

    @property
    def security_schemes(self) -> Mapping[str, Any]:
        """What secures methods, by name."""
        if self.is_swagger:
            return mapping(self.raw.get("securityDefinitions"))
        return mapping(mapping(self.raw.get("components")).get("securitySchemes"))

    @property
    def base_path(self) -> str:
        """The path that all paths are below, as the document says it; "" for none."""
        if self.is_swagger:
            return str(self.raw.get("basePath") or "").strip("/")
        for server in self.raw.get("servers") or ():
            url = str(mapping(server).get("url") or "")
            for name, variable in mapping(mapping(server).get("variables")).items():
                url = url.replace(f"{{{name}}}", str(mapping(variable).get("default") or ""))
            return urlsplit(url).path.strip("/")
        return ""

    @property
    def endpoint(self) -> dict[str, Any]:
        """The endpoint's configuration, of the servers or of the API."""
        own = self.extension("endpoint-configuration")
        for server in self.raw.get("servers") or ():
            own = own or mapping(server).get("x-amazon-apigateway-endpoint-configuration")
        return dict(mapping(own))

    def paths(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each path and what is there."""
        for path, item in mapping(self.raw.get("paths")).items():
            if str(path).startswith("/"):
                yield str(path), mapping(self.resolve(item))

    def resolve(self, value: Any) -> Any:
        """Return what a reference means, or what is no reference; {} where it means nothing."""
        for _ in range(20):
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                return value
            found: Any = self.raw
            for part in value["$ref"].lstrip("#/").split("/"):
                part = part.replace("~1", "/").replace("~0", "~")
                found = mapping(found).get(part)
            value = found if found is not None else {}
        return {}


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that should be a map; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}
