"""Events for the ARN of a function, version or alias: it is invoked asynchronously."""

from __future__ import annotations

from emulator.invoke.targets import Delivery, Placed
from emulator.model.arn import parse_function_name
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.model.limits import ASYNC_PAYLOAD
from emulator.services.context import Parts


async def place(parts: Parts, state: None, arn: str, delivery: Delivery) -> list[Placed]:
    """Return the asynchronous event that an event becomes.

    Raises:
        AwsError: There is no such function, or it does not take the event.
        StorageError: Its queue could not be opened.
    """
    named = parse_function_name(arn)
    if named is None or named.account is None or named.region is None:
        raise AwsError("InvalidParameterValueException", f"{arn} is no function's ARN.")
    prepared = await parts.functions.prepare(
        named.account,
        named.region,
        named.name,
        named.qualifier,
        delivery.payload,
        invoked_arn=arn,
        trace_id=delivery.trace_id,
        limit=ASYNC_PAYLOAD,
        unready="accept",
    )
    placed = await parts.asynchronous.place(
        named.account, named.region, named.name, named.qualifier or LATEST, prepared.invocation
    )
    return [placed]
