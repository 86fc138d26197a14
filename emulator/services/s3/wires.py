"""What buckets are wired to: whom they tell of their objects."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.s3.notifications.configuration import Rule
from emulator.services.s3.rows import Bucket
from emulator.services.s3.state import S3
from emulator.services.wiring import Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    return "bucket", resource


async def wires(parts: Parts, s3: S3) -> list[Wire]:
    """Return the wires of all buckets."""
    lanes = await s3.notices.by_lane()
    found = []
    for bucket, configuration in s3.notified():
        arn = f"arn:aws:s3:::{bucket.name}"
        found += [_wire(arn, bucket, rule, lanes) for rule in configuration.rules]
        if configuration.bridge:
            bus = f"arn:aws:events:{bucket.region}:{bucket.account}:event-bus/default"
            found.append(Wire(source=arn, target=bus, by="notification", note="everything"))
    return found


def _wire(arn: str, bucket: Bucket, rule: Rule, lanes: dict[str, tuple[int, int]]) -> Wire:
    waiting, retrying = lanes.get(f"{bucket.name} {rule.arn}", (0, 0))
    note = ", ".join(rule.events)
    if rule.prefix or rule.suffix:
        note += f" of {rule.prefix}*{rule.suffix}"
    return Wire(
        source=arn,
        target=rule.arn,
        by="notification",
        note=note,
        waiting=waiting,
        retrying=retrying,
    )
