"""Layers of AWS's own that are not here, but whose work is done or whose content can be had."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ARN = r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:"
#: https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
_PARAMETERS_AND_SECRETS = re.compile(
    rf"{_ARN}AWS-Parameters-and-Secrets-Lambda-Extension(?:-Arm64)?:\d+"
)
_POWERTOOLS_OF_NODE = (
    *("logger", "metrics", "tracer", "parameters", "idempotency", "batch"),
    *("commons", "jmespath", "parser", "validation", "event-handler", "kafka"),
)
_FIRST_OF_NODE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A layer whose content is published as packages."""

    #: The layer's name, as its ARN has it.
    name: str
    #: What the runtimes' identifiers that it is for begin with.
    language: str
    #: As their installer takes them.
    packages: tuple[str, ...]


def _of_node(version: int, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"@aws-lambda-powertools/{name}@{version}" for name in names)


#: By the beginning of a layer's name, the longest first.
#: https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/
#: https://docs.aws.amazon.com/powertools/typescript/latest/getting-started/lambda-layers/
#: https://aws-sdk-pandas.readthedocs.io/en/stable/layers.html
_PUBLISHED: dict[str, tuple[str, tuple[str, ...]]] = {
    "AWSLambdaPowertoolsPythonV3": ("python", ("aws-lambda-powertools[all]>=3,<4",)),
    "AWSLambdaPowertoolsPythonV2": ("python", ("aws-lambda-powertools[all]>=2,<3",)),
    "AWSLambdaPowertoolsPython": ("python", ("aws-lambda-powertools>=1,<2",)),
    "AWSLambdaPowertoolsTypeScriptV2": ("nodejs", _of_node(2, _POWERTOOLS_OF_NODE)),
    "AWSLambdaPowertoolsTypeScript": ("nodejs", _of_node(1, _POWERTOOLS_OF_NODE[:_FIRST_OF_NODE])),
    "AWSSDKPandas-Python": ("python", ("awswrangler>=3,<4",)),
}
_PUBLISHED_ARN = re.compile(rf"{_ARN}((?:{'|'.join(_PUBLISHED)})[A-Za-z0-9_-]*):\d+")


def is_parameters_and_secrets(arn: str) -> bool:
    """Say whether a layer's ARN is that of the Parameters-and-Secrets extension."""
    return _PARAMETERS_AND_SECRETS.fullmatch(arn) is not None


def published(arn: str) -> Published | None:
    """Return what packages a layer of this ARN consists of; None if it is not known."""
    match = _PUBLISHED_ARN.fullmatch(arn)
    if match is None:
        return None
    name = match[1]
    language, packages = next(
        found for beginning, found in _PUBLISHED.items() if name.startswith(beginning)
    )
    return Published(name=name, language=language, packages=packages)


def is_known(arn: str) -> bool:
    """Say whether functions may name a layer although it was never published here."""
    return is_parameters_and_secrets(arn) or published(arn) is not None
