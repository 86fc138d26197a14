"""Names of the images that AWS's runtimes run in."""

from __future__ import annotations

from emulator.driver.languages.table import split_runtime

#: AWS's public base images: https://gallery.ecr.aws/lambda/
_PUBLIC = "public.ecr.aws/lambda"


def public_image(runtime: str) -> str:
    """Return AWS's public base image of a runtime, e.g. public.ecr.aws/lambda/python:3.12.

    Raises:
        ConfigurationError: It is no runtime of AWS's.
    """
    language, version = split_runtime(runtime)
    return f"{_PUBLIC}/{language}:{version or 'latest'}"
