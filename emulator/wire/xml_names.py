"""Names of members in XML, and in the forms of the query protocol."""

from __future__ import annotations

from emulator.wire.model import ServiceModel, Shape


def element_names(model: ServiceModel, name: str, member: Shape) -> tuple[str, ...]:
    """Return a member's names in XML and forms; the first is the one to write."""
    target = model.shapes[member["shape"]]
    if "queryName" in member:
        return member["queryName"], name
    if target["type"] == "list" and is_flat(target, member):
        inner = target["member"]
        if "queryName" in inner:
            return inner["queryName"], name
        if "locationName" in inner:
            return inner["locationName"], name
    return (member.get("locationName", name),)


def is_flat(target: Shape, member: Shape) -> bool:
    """Say whether a list or map stands in its structure without an element around it."""
    return bool(target.get("flattened") or member.get("flattened"))


def entry_names(shape: Shape) -> tuple[str, str]:
    """Return the names of the key and the value in a map's entries."""
    key, value = shape["key"], shape["value"]
    return (
        key.get("queryName") or key.get("locationName", "key"),
        value.get("queryName") or value.get("locationName", "value"),
    )
