import asyncio
from typing import Any

import pytest

from emulator.queues.engine import Engine
from emulator.queues.errors import AttemptNotRetryable, ExpiredHandle
from emulator.queues.groups import GroupOrder
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store
from emulator.testing import FakeClock, until_idle

SETTINGS = QueueSettings(fifo=True, visibility=30)


@pytest.fixture
async def queue(engine: Engine) -> Queue:
    return await engine.open_queue("orders.fifo", SETTINGS)


async def _bodies(queue: Queue, limit: int = 10, **options: Any) -> list[str | bytes]:
    return [message.body for message in await queue.receive(limit, **options)]


def _drafts(*bodies: str, group: str = "g") -> list[Draft]:
    return [Draft(body, group=group) for body in bodies]


async def test_a_group_comes_in_order(queue: Queue) -> None:
    await queue.send_many(_drafts("a", "b", "c"))
    await queue.send_many(_drafts("d", "e"))
    got = await queue.receive(10)
    assert [message.body for message in got] == ["a", "b", "c", "d", "e"]
    assert [m.position for m in got] == sorted({m.position for m in got})


async def test_a_group_waits_for_what_is_in_flight(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many(_drafts("a", "b", "c"))
    (first,) = await queue.receive(1)
    assert await queue.receive(10) == []
    await queue.delete(first.handle)
    (second,) = await queue.receive(1)
    assert second.body == "b"
    await clock.advance(30)
    assert await _bodies(queue) == ["b", "c"]


async def test_other_groups_do_not_wait(queue: Queue) -> None:
    await queue.send_many([*_drafts("a", "b"), *_drafts("x", "y", group="h")])
    assert await _bodies(queue, 1) == ["a"]
    assert await _bodies(queue, 10) == ["x", "y"]
    assert await _bodies(queue, 10) == []


async def test_a_receive_takes_what_it_can_of_one_group_first(queue: Queue) -> None:
    await queue.send_many(
        [*_drafts("a1"), *_drafts("b1", group="h"), *_drafts("a2"), *_drafts("b2", group="h")]
    )
    assert await _bodies(queue, 3) == ["a1", "a2", "b1"]


async def test_what_stands_before_one_in_flight_is_available(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send_many(_drafts("foo", "bar", "baz"))
    got = await queue.receive(10)
    queue.change_visibility(got[1].handle, 100)
    await clock.advance(30)
    assert await _bodies(queue) == ["foo"]
    assert await queue.receive(10) == []


async def test_a_returned_message_keeps_its_place(queue: Queue) -> None:
    await queue.send_many(_drafts("a", "b", "c"))
    got = await queue.receive(2)
    queue.change_visibility(got[1].handle, 0)
    assert await queue.receive(10) == []
    queue.change_visibility(got[0].handle, 0)
    assert await _bodies(queue) == ["a", "b", "c"]


async def test_a_repeated_send_is_accepted_and_not_delivered(
    queue: Queue, clock: FakeClock
) -> None:
    first = await queue.send(Draft("a", group="g", deduplication="id"))
    again = await queue.send(Draft("other", group="h", deduplication="id"))
    assert again == first
    (message,) = await queue.receive(10)
    await queue.delete(message.handle)
    await clock.advance(299)
    assert await queue.send(Draft("a", group="g", deduplication="id")) == first
    assert await queue.receive(10) == []
    await clock.advance(1)
    assert await queue.send(Draft("a", group="g", deduplication="id")) != first
    assert await _bodies(queue) == ["a"]


async def test_concurrent_and_batched_repetitions_are_sent_once(queue: Queue) -> None:
    draft = Draft("a", group="g", deduplication="id")
    sent = await asyncio.gather(*[queue.send_many([draft, draft]) for _ in range(5)])
    assert len({receipt for batch in sent for receipt in batch}) == 1
    assert await _bodies(queue) == ["a"]


async def test_content_deduplicates_where_the_queue_says_so(engine: Engine) -> None:
    queue = await engine.open_queue("c.fifo", SETTINGS.with_(content_deduplication=True))
    await queue.send_many([*_drafts("a", "a", "b"), Draft("a", group="g", deduplication="id")])
    got = await queue.receive(10)
    assert [message.body for message in got] == ["a", "b", "a"]
    assert [len(message.deduplication or "") for message in got] == [64, 64, 2]


async def test_the_group_scope_keeps_groups_apart(engine: Engine) -> None:
    queue = await engine.open_queue("c.fifo", SETTINGS.with_(deduplication_scope="messageGroup"))
    for group in ("g", "h", "g"):
        await queue.send(Draft(group, group=group, deduplication="id"))
    assert await _bodies(queue) == ["g", "h"]


async def test_sends_from_before_a_change_of_scope_are_remembered(
    engine: Engine, queue: Queue
) -> None:
    await queue.send(Draft("a", group="g", deduplication="id"))
    await engine.update_queue(
        "orders.fifo", SETTINGS.with_(deduplication_scope="messageGroup"), "{}"
    )
    await queue.send(Draft("b", group="g", deduplication="id"))
    await queue.send(Draft("c", group="h", deduplication="id"))
    assert await _bodies(queue) == ["a"]


async def test_an_expired_handle_does_not_delete(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many(_drafts("a"))
    (first,) = await queue.receive()
    await clock.advance(30)
    with pytest.raises(ExpiredHandle):
        await queue.delete(first.handle)
    (second,) = await queue.receive()
    with pytest.raises(ExpiredHandle):
        await queue.delete(first.handle)
    with pytest.raises(ExpiredHandle):
        queue.change_visibility(first.handle, 10)
    await queue.delete(second.handle)
    await queue.delete(second.handle)


async def test_delete_after_the_visibility_was_extended(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many(_drafts("a"))
    (message,) = await queue.receive()
    queue.change_visibility(message.handle, 100)
    await clock.advance(50)
    await queue.delete(message.handle)
    assert queue.counts() == (0, 0, 0)


async def test_a_delayed_group_waits(engine: Engine, clock: FakeClock) -> None:
    queue = await engine.open_queue("slow.fifo", SETTINGS.with_(delay=5))
    await queue.send_many(_drafts("a", "b"))
    assert queue.counts() == (0, 0, 2)
    assert await queue.receive(10) == []
    poll = asyncio.ensure_future(queue.receive(10, wait=20))
    await clock.advance(5)
    assert [message.body for message in await poll] == ["a", "b"]


async def test_an_attempt_may_be_repeated(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many(_drafts("a", "b", "c"))
    first = await queue.receive(2, attempt="try")
    await clock.advance(10)
    again = await queue.receive(2, attempt="try")
    assert [(m.body, m.handle) for m in again] == [(m.body, m.handle) for m in first]
    await clock.advance(25)
    assert await queue.receive(10) == []
    await clock.advance(5)
    assert await _bodies(queue, attempt="try") == ["a", "b", "c"]


async def test_an_attempt_whose_messages_changed_is_not_repeated(queue: Queue) -> None:
    await queue.send_many(_drafts("a", "b"))
    got = await queue.receive(2, attempt="try")
    await queue.delete(got[0].handle)
    with pytest.raises(AttemptNotRetryable):
        await queue.receive(2, attempt="try")


async def test_dead_letters_free_their_group(engine: Engine, clock: FakeClock) -> None:
    dead = await engine.open_queue("dead.fifo", SETTINGS)
    settings = SETTINGS.with_(dead_letter="dead.fifo", max_receives=1)
    queue = await engine.open_queue("orders.fifo", settings)
    await queue.send_many(_drafts("a", "b"))
    assert await _bodies(queue, 1) == ["a"]
    await clock.advance(30)
    assert await _bodies(queue, 1) == ["b"]
    poll = await dead.receive(wait=20)
    assert [(m.body, m.group, m.sent_at) for m in poll] == [("a", "g", clock.now())]


async def test_too_many_in_flight_is_no_error(engine: Engine) -> None:
    queue = await engine.open_queue("small.fifo", SETTINGS.with_(max_in_flight=1))
    await queue.send_many([Draft("a", group="g"), Draft("b", group="h")])
    assert await _bodies(queue) == ["a"]
    assert await queue.receive() == []


async def test_a_poll_is_answered_when_its_group_is_free(queue: Queue) -> None:
    await queue.send_many(_drafts("a", "b"))
    (first,) = await queue.receive(1)
    poll = asyncio.ensure_future(queue.receive(1, wait=20))
    await until_idle()
    assert not poll.done()
    await queue.delete(first.handle)
    assert [message.body for message in await poll] == ["b"]


async def test_order_and_deduplication_resume_after_a_restart(
    engine: Engine, store: Store, queue: Queue, clock: FakeClock
) -> None:
    first = await queue.send(Draft("a", group="g", deduplication="id"))
    await queue.send_many(_drafts("b", "c"))
    (flying,) = await queue.receive(1)
    await clock.advance(1)
    await engine.close()

    engine = await Engine.open(store.messages, clock)
    queue = await engine.open_queue("orders.fifo", SETTINGS)
    assert await queue.send(Draft("a", group="g", deduplication="id")) == first
    assert await queue.receive(10) == []
    await queue.delete(flying.handle)
    assert await _bodies(queue) == ["b", "c"]
    await engine.close()


async def test_empty_groups_are_forgotten(queue: Queue) -> None:
    await queue.send_many([Draft("x", group=str(n)) for n in range(10)])
    got = await queue.receive(10)
    await queue.delete_many([message.handle for message in got])
    assert isinstance(queue._memory.order, GroupOrder)
    assert len(queue._memory.order) == 0


async def test_a_released_message_holds_its_group_up(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many(_drafts("a", "b"))
    (first,) = await queue.receive(1)
    queue.release(first.handle, 60)
    assert await queue.receive(10) == []
    await clock.advance(60)
    assert await _bodies(queue) == ["a", "b"]


async def _five_in_three_groups(queue: Queue) -> None:
    for name in ("g1-m1", "g2-m1", "g2-m2", "g3-m1", "g1-m2"):
        await queue.send(Draft(name, group=name[:2]))


@pytest.mark.parametrize("how", ["no time", "expired", "given back"])
async def test_groups_that_come_back_go_behind_those_that_were_not_served(
    queue: Queue, clock: FakeClock, how: str
) -> None:
    await _five_in_three_groups(queue)
    first = await queue.receive(3, visibility=0 if how == "no time" else 5)
    assert [message.body for message in first] == ["g1-m1", "g1-m2", "g2-m1"]
    if how == "expired":
        await clock.advance(5)
    elif how == "given back":
        for message in first:
            queue.change_visibility(message.handle, 0)
    assert await _bodies(queue) == ["g3-m1", "g1-m1", "g1-m2", "g2-m1", "g2-m2"]


async def test_a_failing_group_does_not_keep_the_others_from_their_turn(queue: Queue) -> None:
    await _five_in_three_groups(queue)
    served = [(await queue.receive(1, visibility=0))[0].group for _ in range(7)]
    assert served == ["g1", "g2", "g3", "g1", "g2", "g3", "g1"]


async def test_what_was_sent_before_a_purge_may_be_sent_again(
    engine: Engine, store: Store, queue: Queue, clock: FakeClock
) -> None:
    await queue.send(Draft("a", group="g", deduplication="d"))
    await engine.purge_queue("orders.fifo")
    await queue.send(Draft("a", group="g", deduplication="d"))
    await queue.send(Draft("b", group="g", deduplication="d"))
    assert await _bodies(queue) == ["a"]
    kept = await store.messages.load_deduplications(queue.id, clock.now())
    assert len(kept) == 1
