"""Dynamic references: ``{{resolve:ssm:…}}`` and ``{{resolve:secretsmanager:…}}`` in values.

They are found here and replaced by texts that the caller has looked up; nothing here waits.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.stack.errors import TemplateError

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")
_SECURE = "{{resolve:ssm-secure:"
_STAGE = "AWSCURRENT"
#: The properties that may be secure strings, by type.
_TAKES_SECURE = {
    "AWS::DirectoryService::MicrosoftAD": ("Password",),
    "AWS::DirectoryService::SimpleAD": ("Password",),
    "AWS::ElastiCache::ReplicationGroup": ("AuthToken",),
    "AWS::IAM::User": ("LoginProfile/Password",),
    "AWS::KinesisFirehose::DeliveryStream": ("RedshiftDestinationConfiguration/Password",),
    "AWS::OpsWorks::App": ("AppSource/Password",),
    "AWS::OpsWorks::Stack": ("CustomCookbooksSource/Password", "RdsDbInstances"),
    "AWS::RDS::DBCluster": ("MasterUserPassword",),
    "AWS::RDS::DBInstance": ("MasterUserPassword",),
    "AWS::Redshift::Cluster": ("MasterUserPassword",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicReference:
    """One reference, taken apart."""

    #: "ssm", "ssm-secure" or "secretsmanager".
    service: str
    #: The parameter's name, or the secret's name or ARN.
    name: str
    #: The parameter's version; "" for the newest.
    version: str = ""
    #: Of a secret: the member of its JSON text; "" for the whole text.
    key: str = ""
    #: Of a secret: the version's stage, where no version's id is given.
    stage: str = _STAGE

    def __str__(self) -> str:
        """Return how AWS's errors name a parameter."""
        return f"{self.service}:{self.name}:{self.version}".rstrip(":")


def find(value: Any) -> dict[str, DynamicReference]:
    """Return the references in a value, however deep, by the text that stands for each.

    Raises:
        TemplateError: One is not written as it should be.
    """
    return {text: _parse(*match) for text, match in _matches(value)}


def replace(value: Any, texts: Mapping[str, str]) -> Any:
    """Return ``value`` with the references in it replaced.

    Args:
        value: Any value of a template.
        texts: What each reference stands for, by its own text.
    """
    return _mapped(value, lambda text: _REFERENCE.sub(lambda match: texts[match[0]], text))


def refuse_secure(resources: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse secure strings in properties that take none.

    Args:
        resources: Of a template, by name.

    Raises:
        TemplateError: In AWS's words: where they are.
    """
    found = []
    for body in resources.values():
        kind = str(body.get("Type"))
        for place in dict.fromkeys(_secure_places(body.get("Properties"), "")):
            if place not in _TAKES_SECURE.get(kind, ()):
                found.append(f"{kind}/Properties/{place}")
    if found:
        raise TemplateError(f"SSM Secure reference is not supported in: [{', '.join(found)}]")


def _secure_places(value: Any, place: str) -> Iterator[str]:
    """Return where secure strings are; of a list, where the list is."""
    if isinstance(value, dict):
        for name, item in value.items():
            is_function = str(name) == "Ref" or str(name).startswith("Fn::")
            within = place if is_function else f"{place}/{name}".strip("/")
            # The list is of what may stand in its place.
            for each in item if name == "Fn::If" and isinstance(item, list) else [item]:
                yield from _secure_places(each, within)
    elif isinstance(value, list):
        yield from (place for item in value for _ in _secure_places(item, place))
    elif isinstance(value, str) and _SECURE in value:
        yield place


def _matches(value: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            yield match[0], (match[1], match[2])
    elif isinstance(value, dict):
        for item in value.values():
            yield from _matches(item)
    elif isinstance(value, list):
        for item in value:
            yield from _matches(item)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value


def _parse(service: str, rest: str) -> DynamicReference:
    if service != "secretsmanager":
        name, _, version = rest.partition(":")
        if version and not version.isdecimal():
            raise TemplateError(
                f"Incorrect format is used in the following SSM reference: [{rest}]"
            )
        return DynamicReference(service=service, name=name, version=version)
    if rest.startswith("arn:"):
        parts = rest.split(":")
        name, more = ":".join(parts[:7]), parts[7:]
    else:
        name, *more = rest.split(":")
    kind, key, stage, version = [*more, "", "", "", ""][:4]
    if kind not in ("", "SecretString") or len(more) > 4:
        raise TemplateError(
            "Incorrect format is used in the following Secrets Manager reference:"
            f" [{{{{resolve:secretsmanager:{rest}}}}}]"
        )
    return DynamicReference(
        service=service, name=name, key=key, stage=stage or _STAGE, version=version
    )
