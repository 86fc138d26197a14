"""Functions of a template whose code is a container image.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-resource-function.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import ConfigurationError
from emulator.model.sandbox import ImageConfig
from emulator.stack.document import Values


def read_uri(where: str, name: str, properties: dict[str, Any], values: Values) -> str:
    """Return the image's name.

    Raises:
        ConfigurationError: No image is named; the text says what to do.
    """
    uri = values.resolve(properties.get("ImageUri"), name, "ImageUri")
    if uri is None:
        code = values.resolve(properties.get("Code"), name, "Code")
        uri = values.mapping(code, name, "Code").get("ImageUri")
    if isinstance(uri, str) and uri:
        return uri
    tag = f"{name.lower()}:latest"
    raise ConfigurationError(
        f"{where}: {name}.ImageUri is missing: images are not built from Metadata. Build it "
        f"(docker build -t {tag} …) and set ImageUri: {tag}"
    )


def read_config(where: str, name: str, properties: dict[str, Any], values: Values) -> ImageConfig:
    """Return the settings that override the image's start command.

    Raises:
        ConfigurationError: A member has the wrong type.
    """
    given = values.resolve(properties.get("ImageConfig"), name, "ImageConfig")
    config = values.mapping(given, name, "ImageConfig")

    def words(key: str) -> tuple[str, ...]:
        value = config.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ConfigurationError(f"{where}: {name}.ImageConfig.{key} must be a list of text")
        return tuple(value)

    return ImageConfig(
        entrypoint=words("EntryPoint"),
        command=words("Command"),
        working_directory=str(config.get("WorkingDirectory") or ""),
    )
