"""ARNs of topics, subscriptions, platform applications and their endpoints."""

from __future__ import annotations

import re
from typing import NamedTuple

from emulator.services.context import Context
from emulator.services.sns.errors import invalid

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,256}|(?=.{1,256}\Z)[A-Za-z0-9_-]+\.fifo")


class Place(NamedTuple):
    """The account, region and name that an ARN of SNS holds."""

    account: str
    region: str
    #: The part of the ARN after account and region.
    name: str


def split(arn: str, member: str) -> Place:
    """Return the parts of an ARN of SNS.

    Args:
        arn: The ARN as the caller gave it.
        member: The request's member, for the error.

    Raises:
        AwsError: InvalidParameter: it is not an ARN of SNS.
    """
    parts = arn.split(":", 5)
    if len(parts) < 6:
        reason = f"An ARN must have at least 6 elements, not {len(parts)}"
        raise invalid(f"{member} Reason: {reason}")
    if parts[0] != "arn" or parts[2] != "sns":
        raise invalid(f"{member} Reason: it is no ARN of SNS")
    return Place(parts[4], parts[3], parts[5])


def topic(ctx: Context, arn: str | None, member: str = "TopicArn") -> Place:
    """Return the parts of a topic's ARN; the topic has to be in the request's region.

    Raises:
        AwsError: It is not a topic's ARN, or the topic is in another region.
    """
    place = split(arn or "", member)
    if place.region != ctx.region:
        raise invalid(member)
    if not is_topic_name(place.name):
        raise invalid(f"{member} Reason: An ARN must have a topic's name")
    return place


def is_topic_name(name: str) -> bool:
    """Say whether a topic may have this name."""
    return _TOPIC.fullmatch(name) is not None


def arn_of(place: Place) -> str:
    """Return the ARN of a resource."""
    return f"arn:aws:sns:{place.region}:{place.account}:{place.name}"
