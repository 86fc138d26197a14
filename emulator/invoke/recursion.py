"""Circles of invocations, found by the lineage that trace headers carry from call to call.

A lineage has an entry per function of the chain, ``1:<hash of its ARN>:<times it came back>``,
in the field ``Lineage`` of ``X-Amzn-Trace-Id``. The SDKs hand the header on from inside a function,
SQS as a message's ``AWSTraceHeader``.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from zlib import crc32

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.registry.functions import Registry

#: Invocations of one function in one chain; the next one is stopped.
MOST = 16
#: Entries of a lineage: those of the longest chains fall off at the front.
_ENTRIES = 32
_ENTRY = re.compile(r"\d{1,5}:([0-9a-f]{8}):(\d{1,5})")
#: The error's code, by which callers that retry know it.
CODE = "RecursiveInvocationException"


def enter(registry: Registry, version: FunctionVersion, trace_id: str) -> str:
    """Return the trace header of an invocation of ``version`` that came with ``trace_id``.

    Raises:
        AwsError: RecursiveInvocationException: the function has been in this chain too often, and
            its configuration does not allow it.
    """
    advanced, times = advance(trace_id, version.function_arn)
    if times >= MOST:
        function = registry.find(version.account, version.region, version.name)
        if function is None or function.attached.recursive_loop != "Allow":
            raise AwsError(
                CODE,
                "Lambda has detected your function being invoked in a recursive loop with other "
                "AWS resources and stopped your function's invocation.",
                Type="User",
            )
    return advanced


def furthest(trace_ids: Iterable[str], function_arn: str) -> str:
    """Return which of several trace headers has the function in it most often; "" of none.

    A batch is one call on in the chain of each of its messages.
    """
    # The ARN of a mapping may have a qualifier; what counts is the function.
    own = ":".join(function_arn.split(":")[:7])
    return max(trace_ids, key=lambda trace_id: advance(trace_id, own)[1], default="")


def advance(trace_id: str, function_arn: str) -> tuple[str, int]:
    """Return a trace header one call on, and how often the function was in the chain before."""
    own = f"{crc32(function_arn.encode()):08x}"
    head, found, rest = trace_id.partition("Lineage=")
    if not found:
        lineage = f"Lineage=1:{own}:0"
        return f"{head};{lineage}" if head else lineage, 0
    text, _, tail = rest.partition(";")
    entries = {match[1]: int(match[2]) for match in _ENTRY.finditer(text)}
    times = entries.pop(own, -1) + 1
    # Used last, kept longest.
    entries[own] = times
    kept = list(entries.items())[-_ENTRIES:]
    lineage = "Lineage=" + ",".join(f"1:{name}:{count}" for name, count in kept)
    return head + lineage + (f";{tail}" if tail else ""), times
