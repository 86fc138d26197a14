"""What an event source mapping of a queue configures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.sources.filters import Filter, filter_of
from emulator.sources.scaling import (
    FIRST,
    MOST,
    PER_POLLER,
    POLLERS,
    PROVISIONED_GROWTH,
    BatchConcurrency,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqsSettings:
    """What a mapping of a queue configures."""

    arn: str
    batch_size: int = 10
    #: How long a batch may wait for further messages.
    window_s: float = 0.0
    filter: Filter | None = None
    #: The function may fail some messages of a batch.
    reports: bool = False
    concurrency: BatchConcurrency = field(default_factory=BatchConcurrency)

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> SqsSettings:
        """Return the settings of a mapping as the API shows it.

        Raises:
            InvalidPattern: Its filter is no pattern.
        """
        return cls(
            arn=mapping["EventSourceArn"],
            batch_size=mapping["BatchSize"],
            window_s=float(mapping.get("MaximumBatchingWindowInSeconds") or 0),
            filter=filter_of(mapping.get("FilterCriteria")),
            reports="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ()),
            concurrency=concurrency_of(mapping),
        )


def concurrency_of(mapping: Mapping[str, Any]) -> BatchConcurrency:
    """Return the concurrency a mapping configures."""
    provisioned = mapping.get("ProvisionedPollerConfig")
    if provisioned:
        low = provisioned.get("MinimumPollers") or POLLERS[0]
        high = max(low, provisioned.get("MaximumPollers") or POLLERS[1])
        return BatchConcurrency(
            first=low * PER_POLLER, most=high * PER_POLLER, growth=PROVISIONED_GROWTH
        )
    most = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or MOST
    # Of a FIFO queue as many as there are active groups: the queue itself sees to that.
    fifo = str(mapping.get("EventSourceArn", "")).endswith(".fifo")
    return BatchConcurrency(first=most if fifo else min(FIRST, most), most=most)
