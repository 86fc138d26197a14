"""Which calls there are by the names that ``aws-sdk`` integrations use, served here or not.

botocore's models are read one at a time, and little of each is kept. It takes up to half a second
where a service's name differs from botocore's: nothing for the loop.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from emulator.wire.model import service_names, summary, title

_ODD = re.compile(r"[^a-z0-9]")


class Members(NamedTuple):
    """The members of a call's request."""

    #: In small letters: the SDK for Java writes some otherwise than botocore.
    names: Collection[str]
    required: Collection[str]


def members(service: str, action: str) -> Members:
    """Return what a call takes.

    Args:
        service: As in ``arn:aws:states:::aws-sdk:SERVICE:ACTION``: "dynamodb", "sfn".
        action: In lower camel case, "getItem".

    Raises:
        LookupError: There is no such service, or it has no such action.
    """
    if not action[:1].islower():
        raise LookupError(action)
    return _actions(_model(service))[action.lower()]


def _model(service: str) -> str:
    """Return botocore's name of a service."""
    names = {_plain(name): name for name in service_names()}
    name = names.get(service)
    if name is not None and service in _called(name):
        return name
    return _by_title()[service]


@cache
def _by_title() -> Mapping[str, str]:
    return {called: name for name in service_names() for called in _called(name)}


def _called(name: str) -> Collection[str]:
    """Return how the SDK for Java calls a service: by its title, with "Service" or without."""
    whole = _plain(title(name))
    return {whole, whole.removesuffix("service")}


def _plain(name: str) -> str:
    return _ODD.sub("", name.lower())


@lru_cache(maxsize=16)
def _actions(model: str) -> Mapping[str, Members]:
    return {
        name.lower(): Members(frozenset(map(str.lower, taken.members)), taken.required)
        for name, taken in summary(model).items()
    }
