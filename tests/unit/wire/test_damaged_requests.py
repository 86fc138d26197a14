"""Requests of botocore that were damaged on their way: AWS's errors come out, and nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.model.errors import AwsError
from tests.codecs import codec
from tests.unit.wire.codec_oracle import Generator, operation_model, send
from tests.unit.wire.test_codec_round_trip import SERVICES

_PIECES = [
    b"",
    b"\x00",
    b"\xff",
    b"<",
    b"</a>",
    b"{",
    b"[",
    b'"',
    b"null",
    b"-1",
    b"1e999",
    b"%",
    b"&=.1",
]
_PIECES += [b"\x9f", b"\xbf", b"\xf9\x7e\x00", b"\xfb" + b"\x7f" * 8, b"2026-99-99T00:00:00Z"]
damages = st.lists(
    st.tuples(
        st.floats(0, 1), st.integers(0, 20), st.sampled_from(_PIECES) | st.binary(max_size=4)
    ),
    min_size=1,
    max_size=3,
)


def damaged(content: bytes, damage: list[tuple[float, int, bytes]]) -> bytes:
    """Return bytes of which some pieces are others: (where, how many, what instead)."""
    for where, length, piece in damage:
        start = int(where * len(content))
        content = content[:start] + piece + content[start + length :]
    return content


def check(service: str, protocol: str, seed: int, damage: list[tuple[float, int, bytes]]) -> None:
    our = codec(service, protocol)
    name = list(our.operations)[seed % len(our.operations)]
    shape = operation_model(service, protocol, name).input_shape
    sent = send(our, name, Generator(seed, full=seed % 3 == 0).structure(shape) if shape else {})
    body = damaged(sent.body, damage)
    query = damaged(sent.query.encode(), damage).decode("latin-1")
    headers = {
        key: damaged(text.encode("latin-1", "replace"), damage).decode("latin-1")
        for key, text in sent.headers.items()
    }
    operation = our.operations[name]
    labels = dict.fromkeys(("Bucket", "Key"), "x")
    if protocol.startswith("rest-"):
        with suppress(AwsError):
            labels = dict(our.match(sent.method, sent.path, sent.query, sent.headers)[1])
    for part in ({"body": body}, {"query": query}, {"headers": headers}):
        given = {"query": sent.query, "headers": sent.headers, "body": sent.body} | part
        with suppress(AwsError):
            request = our.parse(operation, params=labels, **given)  # type: ignore[arg-type]
            our.validate(operation, request)


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), damage=damages)
def test_only_aws_errors_come_out(
    service: str, protocol: str, seed: int, damage: list[tuple[float, int, bytes]]
) -> None:
    check(service, protocol, seed, damage)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("service", "protocol"), SERVICES)
@settings(max_examples=2000, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), damage=damages)
def test_only_aws_errors_come_out_of_many(
    service: str, protocol: str, seed: int, damage: list[tuple[float, int, bytes]]
) -> None:
    check(service, protocol, seed, damage)
