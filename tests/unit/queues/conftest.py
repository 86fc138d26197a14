"""An engine over a real store in memory, on a clock that is moved by hand."""

from collections.abc import AsyncIterator

import pytest

from emulator.queues.engine import Engine
from emulator.store.store import Store
from emulator.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = Store.open(None)
    yield store
    await store.close()


@pytest.fixture
async def engine(store: Store, clock: FakeClock) -> AsyncIterator[Engine]:
    engine = await Engine.open(store.messages, clock)
    yield engine
    await engine.close()
