import pytest

from emulator.queues import rules
from emulator.queues.errors import InvalidHandle
from emulator.queues.message import decode_handle, encode_handle, queue_tag
from emulator.queues.rules import QueueSettings


def test_a_message_expires_with_its_retention() -> None:
    assert not rules.is_expired(100.0, 60.0, 159.9)
    assert rules.is_expired(100.0, 60.0, 160.0)


@pytest.mark.parametrize(("count", "moves"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_message_is_dead_when_the_next_receive_would_exceed_the_maximum(
    count: int, moves: bool
) -> None:
    settings = QueueSettings(dead_letter="dlq", max_receives=3)
    assert rules.is_dead_letter(count, settings) is moves
    assert not rules.is_dead_letter(count, QueueSettings())


def test_visibility_is_bounded_from_the_receive() -> None:
    assert not rules.exceeds_visibility(0.0, 43_200, 0.0)
    assert rules.exceeds_visibility(0.0, 43_200, 1.0)


def test_a_given_deduplication_id_wins_over_the_content() -> None:
    settings = QueueSettings(fifo=True, content_deduplication=True)
    assert rules.deduplication_id("given", "body", settings) == "given"
    assert rules.deduplication_id(None, "body", settings) == (
        "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    )
    assert rules.deduplication_id(None, "body", QueueSettings(fifo=True)) is None


def test_the_scope_decides_what_repeats() -> None:
    key = rules.deduplication_key
    assert key("id", "a", "queue") == key("id", "b", "queue")
    assert key("id", "a", "messageGroup") != key("id", "b", "messageGroup")
    assert key("id", "a", "messageGroup") != key("id", "a", "queue")


def test_sequence_numbers_have_20_digits_and_increase() -> None:
    numbers = [rules.sequence_number(n) for n in (0, 1, 1_700_000_000_000_000, 1 << 53)]
    assert {len(number) for number in numbers} == {20}
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 4


def test_ids_increase_even_if_time_does_not() -> None:
    assert rules.next_id(5, 0.0) == 6
    assert rules.next_id(5, 1.0) == 1_000_000


def test_a_handle_knows_its_queue() -> None:
    tag = queue_tag("orders")
    handle = encode_handle(tag, 1_700_000_000_000_000, 3)
    assert decode_handle(tag, handle) == (1_700_000_000_000_000, 3)
    with pytest.raises(InvalidHandle):
        decode_handle(queue_tag("invoices"), handle)


@pytest.mark.parametrize("handle", ["", "x", "garbage!", "AAAA", "ü" * 24, "A" * 28])
def test_garbage_is_no_handle(handle: str) -> None:
    with pytest.raises(InvalidHandle):
        decode_handle(queue_tag("orders"), handle)
