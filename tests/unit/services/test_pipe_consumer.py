"""A pipe's batch while the machine is in trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from emulator.model.errors import AwsError, DriverFault, LocalfaasError, StorageFull
from emulator.services.pipes.consumer import PipeConsumer


@pytest.mark.parametrize("trouble", [StorageFull("the disk is full"), DriverFault("no engine")])
async def test_the_source_tries_a_batch_again(
    trouble: LocalfaasError, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: Any = SimpleNamespace()
    consumer = PipeConsumer(parts, {"arn": "arn:aws:pipes:::p", "name": "p", "fields": {}})

    async def steps(*given: Any) -> None:
        raise trouble

    monkeypatch.setattr(consumer, "_steps", steps)
    with pytest.raises(AwsError) as caught:
        await consumer.attempt(b'{"Records": []}')
    assert caught.value.code == "ServiceException"
    assert consumer.outcomes == {"succeeded": 0, "failed": 0}
