import asyncio
from typing import Any

import pytest

from emulator.model.errors import StorageFull
from emulator.queues.engine import LEASE_DELAY, Engine
from emulator.queues.errors import (
    InvalidHandle,
    NotInFlight,
    QueueExists,
    QueueNotFound,
    TooManyInFlight,
    VisibilityTooLong,
)
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.queues.spill import WINDOW
from emulator.store.store import Store
from emulator.testing import FakeClock, until_idle


@pytest.fixture
async def queue(engine: Engine) -> Queue:
    return await engine.open_queue("orders", QueueSettings(visibility=30))


async def _bodies(queue: Queue, limit: int = 10, **options: Any) -> list[str | bytes]:
    return [message.body for message in await queue.receive(limit, **options)]


async def test_a_message_is_received_as_it_was_sent(queue: Queue, clock: FakeClock) -> None:
    sent = await queue.send(Draft("hello", headers='{"a": 1}', group="g"))
    (message,) = await queue.receive()
    assert message.message_id == sent.message_id
    assert (message.body, message.headers, message.group) == ("hello", '{"a": 1}', "g")
    assert message.sent_at == message.first_received_at == clock.now()
    assert message.receive_count == 1
    assert message.source is None


async def test_bytes_are_kept_as_bytes(queue: Queue) -> None:
    await queue.send(Draft(b"\x00\xff"))
    assert await _bodies(queue) == [b"\x00\xff"]


async def test_a_received_message_is_invisible_until_its_timeout(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send(Draft("a"))
    first = await queue.receive()
    assert await queue.receive() == []
    await clock.advance(29.9)
    assert await queue.receive() == []
    await clock.advance(0.1)
    (again,) = await queue.receive()
    assert again.receive_count == 2
    assert again.handle != first[0].handle
    assert again.first_received_at == first[0].first_received_at


async def test_visibility_may_be_given_per_receive(queue: Queue, clock: FakeClock) -> None:
    await queue.send(Draft("a"))
    assert await _bodies(queue, visibility=0) == ["a"]
    assert await _bodies(queue, visibility=5) == ["a"]
    assert await _bodies(queue) == []
    await clock.advance(5)
    assert await _bodies(queue) == ["a"]


async def test_visibility_counts_from_the_change(queue: Queue, clock: FakeClock) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    await clock.advance(20)
    queue.change_visibility(message.handle, 20)
    await clock.advance(15)
    assert await queue.receive() == []
    await clock.advance(5)
    assert await _bodies(queue) == ["a"]


async def test_zero_visibility_returns_a_message_at_once(queue: Queue) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    queue.change_visibility(message.handle, 0)
    assert await _bodies(queue) == ["a"]


async def test_an_uncounted_return_does_not_lead_to_the_dead_letter_queue(queue: Queue) -> None:
    await queue.send(Draft("a"))
    for _ in range(3):
        (message,) = await queue.receive()
        assert message.receive_count == 1
        queue.release(message.handle, counted=False)


async def test_visibility_of_what_is_not_in_flight_cannot_change(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    await queue.receive(visibility=0)
    await queue.delete(message.handle)
    with pytest.raises(NotInFlight):
        queue.change_visibility(message.handle, 10)


async def test_a_late_receiver_keeps_what_nobody_else_received(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send_many([Draft("a"), Draft("b")])
    (first,) = await queue.receive()
    await clock.advance(31)
    queue.change_visibility(first.handle, 10)
    assert await _bodies(queue, visibility=0) == ["b"]
    await clock.advance(10)
    (second,) = await queue.receive(visibility=0)
    assert second.body == "a"
    # The older of two receivers is too late once the younger one's time is over as well.
    with pytest.raises(NotInFlight):
        queue.change_visibility(first.handle, 10)
    queue.change_visibility(second.handle, 10)
    assert await _bodies(queue, visibility=0) == ["b"]


async def test_what_comes_back_is_received_before_what_is_younger(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send(Draft("old"))
    await queue.receive(visibility=5)
    await clock.advance(1)
    await queue.send(Draft("young"))
    await clock.advance(5)
    assert await _bodies(queue) == ["old", "young"]


async def test_visibility_ends_12_hours_after_the_receive(queue: Queue, clock: FakeClock) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive(visibility=60)
    await clock.advance(10)
    with pytest.raises(VisibilityTooLong):
        queue.change_visibility(message.handle, 43_200)
    queue.change_visibility(message.handle, 43_190)


async def test_a_deleted_message_never_comes_back(queue: Queue, clock: FakeClock) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    await queue.delete(message.handle)
    await clock.advance(60)
    assert await queue.receive() == []
    await queue.delete(message.handle)
    assert queue.counts() == (0, 0, 0)


async def test_an_old_handle_still_deletes(queue: Queue, clock: FakeClock) -> None:
    await queue.send(Draft("a"))
    (first,) = await queue.receive()
    await clock.advance(30)
    await queue.receive()
    await queue.delete(first.handle)
    await clock.advance(60)
    assert await queue.receive() == []


async def test_deleting_with_garbage_fails_alone(queue: Queue) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    outcome = await queue.delete_many(["garbage", message.handle])
    assert isinstance(outcome[0], InvalidHandle)
    assert outcome[1] is None
    with pytest.raises(InvalidHandle):
        await queue.delete("garbage")


async def test_delays_hold_messages_back(engine: Engine, clock: FakeClock) -> None:
    queue = await engine.open_queue("slow", QueueSettings(delay=5))
    await queue.send_many([Draft("queue's"), Draft("own", delay=2), Draft("none", delay=0)])
    assert queue.counts() == (1, 0, 2)
    assert await _bodies(queue) == ["none"]
    await clock.advance(2)
    assert await _bodies(queue) == ["own"]
    await clock.advance(3)
    assert await _bodies(queue) == ["queue's"]


async def test_counters_tell_the_states(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many([Draft("a"), Draft("b"), Draft("c"), Draft("d", delay=10)])
    assert queue.counts() == (3, 0, 1)
    got = await queue.receive(2)
    assert queue.counts() == (1, 2, 1)
    await queue.delete(got[0].handle)
    assert queue.counts() == (1, 1, 1)
    await clock.advance(60)
    assert queue.counts() == (3, 0, 0)


async def test_a_long_poll_is_answered_by_a_send(queue: Queue) -> None:
    poll = asyncio.ensure_future(queue.receive(10, wait=20))
    await until_idle()
    await queue.send_many([Draft("a"), Draft("b")])
    assert [message.body for message in await poll] == ["a", "b"]


async def test_a_long_poll_is_answered_when_visibility_or_a_delay_ends(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send_many([Draft("a"), Draft("b", delay=10)])
    await queue.receive(visibility=5)
    polls = [asyncio.ensure_future(queue.receive(wait=20)) for _ in range(2)]
    await clock.advance(5)
    assert [message.body for message in await polls[0]] == ["a"]
    assert not polls[1].done()
    await clock.advance(5)
    assert [message.body for message in await polls[1]] == ["b"]


async def test_a_long_poll_ends_with_nothing(queue: Queue, clock: FakeClock) -> None:
    poll = asyncio.ensure_future(queue.receive(wait=20))
    await clock.advance(19.9)
    assert not poll.done()
    await clock.advance(0.1)
    assert await poll == []


async def test_long_polls_are_served_in_turn(queue: Queue, clock: FakeClock) -> None:
    polls = [asyncio.ensure_future(queue.receive(1, wait=20)) for _ in range(40)]
    await until_idle()
    await queue.send_many([Draft(str(n)) for n in range(40)])
    answers = await asyncio.gather(*polls)
    assert [message.body for (message,) in answers] == [str(n) for n in range(40)]


async def test_a_poller_that_goes_away_takes_nothing_along(queue: Queue) -> None:
    poll = asyncio.ensure_future(queue.receive(wait=20))
    await until_idle()
    poll.cancel()
    await until_idle()
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    assert message.receive_count == 1


async def test_a_poller_that_goes_away_while_it_is_answered_gives_back(queue: Queue) -> None:
    await queue.send(Draft("a"))
    (first,) = await queue.receive()
    poll = asyncio.ensure_future(queue.receive(wait=20))
    await until_idle()
    queue.change_visibility(first.handle, 0)
    # Answered, and cancelled before its task runs again.
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    (message,) = await queue.receive()
    assert message.receive_count == 2


async def test_a_message_received_too_often_goes_to_the_dead_letter_queue(
    engine: Engine, clock: FakeClock
) -> None:
    dead = await engine.open_queue("dead", QueueSettings())
    settings = QueueSettings(dead_letter="dead", max_receives=2, source="arn:orders")
    queue = await engine.open_queue("orders", settings)
    sent = await queue.send(Draft("a"))
    sent_at = clock.now()
    for _ in range(2):
        assert await _bodies(queue) == ["a"]
        await clock.advance(30)
    poll = asyncio.ensure_future(dead.receive(wait=20))
    assert await queue.receive() == []
    (message,) = await poll
    assert message.message_id == sent.message_id
    assert message.source == "arn:orders"
    assert message.sent_at == sent_at
    assert message.receive_count == 3
    assert queue.counts() == (0, 0, 0)


async def test_without_its_dead_letter_queue_a_message_stays(
    engine: Engine, clock: FakeClock
) -> None:
    queue = await engine.open_queue("orders", QueueSettings(dead_letter="gone", max_receives=1))
    await queue.send(Draft("a"))
    for _ in range(3):
        assert await _bodies(queue) == ["a"]
        await clock.advance(30)


async def test_retention_ends_messages_waiting_and_in_flight(
    engine: Engine, store: Store, clock: FakeClock
) -> None:
    queue = await engine.open_queue("short", QueueSettings(retention=60, visibility=1000))
    await queue.send_many([Draft("a"), Draft("b")])
    await queue.receive(1)
    await clock.advance(59)
    await queue.send(Draft("c"))
    await clock.advance(1)
    assert await _bodies(queue) == ["c"]
    await engine.maintain()
    assert queue.counts() == (0, 1, 0)
    assert (await store.messages.depth(queue.id, 0.0))[0] == 1


async def test_too_many_in_flight_is_an_error(engine: Engine) -> None:
    queue = await engine.open_queue("small", QueueSettings(max_in_flight=3))
    await queue.send_many([Draft(str(n)) for n in range(5)])
    got = await queue.receive(10)
    assert len(got) == 3
    with pytest.raises(TooManyInFlight):
        await queue.receive()
    await queue.delete(got[0].handle)
    assert await _bodies(queue) == ["3"]


async def test_a_purge_leaves_nothing(
    engine: Engine, store: Store, queue: Queue, clock: FakeClock
) -> None:
    await queue.send_many([Draft(str(n)) for n in range(5)] + [Draft("late", delay=100)])
    (message, *_) = await queue.receive(2)
    before = queue.id
    await engine.purge_queue("orders")
    assert queue.counts() == (0, 0, 0)
    assert await queue.receive() == []
    await queue.delete(message.handle)
    await queue.send(Draft("new"))
    assert await _bodies(queue) == ["new"]
    await engine.maintain()
    assert (await store.messages.depth(before, 0.0))[0] == 0


async def test_a_dropped_queue_answers_its_polls_and_its_name_is_free(
    engine: Engine, store: Store, queue: Queue
) -> None:
    await queue.send(Draft("a", delay=100))
    poll = asyncio.ensure_future(queue.receive(wait=20))
    await until_idle()
    await engine.drop_queue("orders")
    assert await poll == []
    with pytest.raises(QueueNotFound):
        engine.queue("orders")
    again = await engine.open_queue("orders", QueueSettings())
    assert again.counts() == (0, 0, 0)
    with pytest.raises(QueueExists):
        await engine.open_queue("orders", QueueSettings())
    with pytest.raises(QueueNotFound):
        await engine.drop_queue("other")


async def test_everything_resumes_after_a_restart(
    engine: Engine, store: Store, queue: Queue, clock: FakeClock
) -> None:
    dead = await engine.open_queue("dead", QueueSettings())
    await queue.send_many([Draft("in flight"), Draft("ready"), Draft("late", delay=100)])
    (flying,) = await queue.receive(1, visibility=50)
    await clock.advance(1)
    await engine.close()

    engine = await Engine.open(store.messages, clock)
    assert [record.name for record in engine.stored()] == ["orders", "dead"]
    settings = QueueSettings(dead_letter="dead", max_receives=1)
    queue = await engine.open_queue("orders", settings)
    dead = await engine.open_queue("dead", QueueSettings())
    assert queue.counts() == (1, 1, 1)
    assert await _bodies(queue) == ["ready"]
    queue.change_visibility(flying.handle, 10)
    await clock.advance(10)
    # Its first receive, before the restart, still counts.
    assert await queue.receive() == []
    assert await _bodies(dead, wait=20) == ["in flight"]
    await engine.close()


async def test_a_handle_deletes_after_a_restart(
    engine: Engine, store: Store, queue: Queue, clock: FakeClock
) -> None:
    await queue.send_many([Draft("a"), Draft("b")])
    (message,) = await queue.receive(1)
    await engine.close()
    engine = await Engine.open(store.messages, clock)
    queue = await engine.open_queue("orders", QueueSettings())
    await queue.delete(message.handle)
    await clock.advance(100)
    assert await _bodies(queue) == ["b"]
    await engine.close()


async def test_a_message_moves_as_a_new_one(engine: Engine, queue: Queue, clock: FakeClock) -> None:
    other = await engine.open_queue("other", QueueSettings())
    sent = await queue.send(Draft("a", headers='{"k": 1}'))
    (message,) = await queue.receive()
    await clock.advance(10)
    await engine.transfer(message, queue, other)
    assert queue.counts() == (0, 0, 0)
    (moved,) = await other.receive()
    assert (moved.body, moved.headers, moved.receive_count) == ("a", '{"k": 1}', 1)
    assert moved.message_id != sent.message_id
    assert moved.sent_at == clock.now()
    with pytest.raises(NotInFlight):
        await engine.transfer(message, queue, other)


async def test_draining_answers_polls_and_lets_none_wait(engine: Engine, queue: Queue) -> None:
    poll = asyncio.ensure_future(queue.receive(wait=20))
    await until_idle()
    engine.drain()
    assert await poll == []
    assert await queue.receive(wait=20) == []
    await queue.send(Draft("a"))
    assert await _bodies(queue) == ["a"]


async def test_a_released_message_is_nobodys_until_its_delay_is_over(
    queue: Queue, clock: FakeClock
) -> None:
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    queue.release(message.handle, 60)
    assert queue.counts() == (0, 0, 1)
    for call in (queue.change_visibility, queue.release):
        with pytest.raises(NotInFlight):
            call(message.handle, 1)
    poll = asyncio.ensure_future(queue.receive(wait=100))
    await clock.advance(59)
    assert not poll.done()
    await clock.advance(1)
    (again,) = await poll
    assert again.receive_count == 2


async def test_leases_that_do_not_last_end_with_the_process(
    engine: Engine, store: Store, clock: FakeClock
) -> None:
    settings = QueueSettings(lasting_leases=False)
    queue = await engine.open_queue("work", settings)
    await queue.send_many([Draft("held"), Draft("ready")])
    await queue.receive(1, visibility=1000)
    await clock.advance(1)
    assert queue.counts() == (1, 1, 0)
    await engine.close()
    engine = await Engine.open(store.messages, clock)
    queue = await engine.open_queue("work", settings)
    assert queue.counts() == (2, 0, 0)
    assert await _bodies(queue) == ["held", "ready"]
    await engine.close()


async def test_a_look_changes_nothing(queue: Queue, clock: FakeClock) -> None:
    await queue.send_many([Draft("held"), Draft("gone"), Draft("ready"), Draft("later", delay=9)])
    _, gone = await queue.receive(2)
    await queue.delete(gone.handle)
    for _ in range(2):
        seen = await queue.peek(10)
        assert [(each.body, each.state, each.receive_count) for each in seen] == [
            ("held", "in flight", 1),
            ("ready", "ready", 0),
            ("later", "delayed", 0),
        ]
    assert [each.body for each in await queue.peek(1)] == ["held"]
    clock_time = clock.now()
    await clock.advance(30)
    assert seen[0].visible_at == clock_time + 30
    assert {each.state for each in await queue.peek(10)} == {"ready"}
    assert queue.counts() == (3, 0, 0)


async def test_a_look_sees_what_is_on_the_disk_only(queue: Queue) -> None:
    await queue.send_many([Draft(str(n)) for n in range(WINDOW + 5)])
    assert [each.body for each in await queue.peek(WINDOW + 9)][-1] == str(WINDOW + 4)


async def test_leases_that_the_disk_does_not_take_are_said_in_a_line(
    engine: Engine,
    queue: Queue,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def full(leases: Any) -> None:
        raise StorageFull("the disk is full")

    await queue.send(Draft("1"))
    monkeypatch.setattr(engine.journal, "lease", full)
    assert await queue.receive()
    await clock.advance(LEASE_DELAY)
    await until_idle()
    (said,) = caplog.records
    assert said.getMessage() == "the queue engine could not do its work: the disk is full"
    assert said.exc_info is None
