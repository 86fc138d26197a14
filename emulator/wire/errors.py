"""Errors, resolved for the protocols: shape, code, status and fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire.model import ServiceModel, Shape

_NO_SHAPE: Shape = {"members": {}}


@dataclass(frozen=True, slots=True)
class WireError:
    """An error as a protocol writes it."""

    #: The name of its shape, or the code as it was raised if the model has no such shape.
    name: str
    #: The code that the query protocol has for it.
    code: str
    message: str
    status: int
    #: Its shape; without members if the model has none.
    shape: Shape
    #: The fields of the error beside its message.
    fields: Mapping[str, Any]

    @property
    def modelled(self) -> bool:
        """Whether the model has its shape."""
        return bool(self.shape.get("exception"))

    @property
    def fault(self) -> str:
        """Whose fault it is: ``Sender`` or ``Receiver``."""
        return "Sender" if self.status < 500 else "Receiver"

    @property
    def message_member(self) -> str:
        """The member that has the message: ``Message`` where the shape writes it so."""
        return "Message" if "Message" in self.shape["members"] else "message"

    def modelled_fields(self) -> dict[str, Any]:
        """Return the fields that the shape has."""
        members = self.shape["members"]
        return {key: value for key, value in self.fields.items() if key in members}


def resolve(model: ServiceModel, error: AwsError) -> WireError:
    """Find an error's shape, code and status.

    Args:
        model: The service's model.
        error: Its code is a shape's name or a code of the query protocol.
    """
    names, deviations = model.error_names, model.deviations
    name = names.get(error.code) or deviations.shape_of(error.code)
    shape = model.shapes[names[name]] if name in names else _NO_SHAPE
    trait = shape.get("error", {})
    status = error.status or deviations.status.get(name) or trait.get("httpStatusCode")
    return WireError(
        name=name,
        code=deviations.query_code.get(name) or trait.get("code", name),
        message=error.message,
        status=int(status or (500 if shape.get("fault") else 400)),
        shape=shape,
        fields=error.fields,
    )
