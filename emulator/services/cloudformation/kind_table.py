"""The resource types that can be made, from all services; and what stands for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack import schemas
from emulator.stack.kinds import Call, Kind, Made, Wanted


class KindTable:
    """Finds resource types.

    Args:
        served: Returns a type by name; None of one that is not served.
        custom: Serves ``Custom::…`` types.
        strict: Whether what is not served fails a stack.
    """

    def __init__(
        self, served: Callable[[str], Kind | None], custom: Kind, *, strict: bool = False
    ) -> None:
        self._served, self._custom, self._strict = served, custom, strict

    def find(self, name: str) -> Kind:
        """Return a type; of one that is not served what only notes it."""
        served = self._served(name)
        if served is not None:
            return served
        if name.startswith("Custom::") or name == "AWS::CloudFormation::CustomResource":
            return self._custom
        return _NotServed(self.not_served(name), strict=self._strict)

    def serves(self, name: str) -> bool:
        """Say whether resources of a type are made."""
        return not isinstance(self.find(name), _NotServed)

    def not_served(self, name: str) -> str:
        """Return the sentence about a type that is not served."""
        return f"localfaas does not serve {name}: it is noted, and not made."


#: Services whose ARNs name no region.
_GLOBAL = ("iam", "cloudfront", "route53")


class _NotServed:
    """A type that AWS has and localfaas does not: it gets plausible values, and nothing is made."""

    def __init__(self, text: str, *, strict: bool) -> None:
        self._text, self._strict = text, strict

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        if self._strict:
            raise AwsError("ValidationError", f"{self._text} (--strict)")
        schema = schemas.find(wanted.kind)
        named = schema.primary[0] if schema is not None and schema.primary else ""
        physical = str(wanted.properties.get(named) or wanted.name(""))
        _, service, own = wanted.kind.lower().split("::")[:3]
        at = f"{'' if service in _GLOBAL else call.region}:{call.account}"
        attributes: dict[str, Any] = {}
        for name in schema.read_only if schema is not None else ():
            attributes[name] = f"{physical}-{name}"
            if name.endswith("Arn"):
                attributes[name] = f"arn:aws:{service}:{at}:{own}/{physical}"
        return Made(physical=physical, attributes=attributes)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :class:`emulator.stack.kinds.Kind`."""
