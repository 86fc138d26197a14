"""Who may talk to the emulator at all (threats T1 and T2)."""

from __future__ import annotations

import pytest

from emulator.edge.guard import Guard

_HOST = {b"host": b"localhost:4566"}


def _site(site: bytes, **more: bytes) -> dict[bytes, bytes]:
    return _HOST | {b"sec-fetch-site": site} | {k.encode(): v for k, v in more.items()}


@pytest.mark.parametrize(
    "host",
    [
        b"bucket.s3.localhost.localstack.cloud:4566",
        b"localhost",
        b"127.0.0.1:80",
        b"[::1]:4566",
        b"x.lambda-url.eu-west-1.localhost:1",
    ],
)
def test_local_hosts_are_answered(host: bytes) -> None:
    assert Guard().refuse({b"host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        b"", b"evil.example", b"localhost.evil.example", b"127.0.0.1.nip.io", b"[::1]x",
        b"localhost:port", b"localhost:123456", b"\xff", b"..localhost", b"192.168.1.2",
        b"localstack.cloud", b"evillocalhost.localstack.cloud",
    ],
)  # fmt: skip
def test_foreign_hosts_are_refused(host: bytes) -> None:
    assert "is not one" in (Guard().refuse({b"host": host}) or "")


@pytest.mark.parametrize(
    "query",
    [
        b"Action=DeleteQueue&QueueName=q",
        b"QueueName=q&Action=DeleteQueue",
        b"Act%69on=DeleteQueue",
        b"Action=",
        b"Action",
    ],
)
def test_pages_of_another_port_may_not_change_state_by_a_get(query: bytes) -> None:
    guard = Guard(origins=["http://localhost:3000"])
    assert guard.refuse(_site(b"same-site"), query=query) is not None
    assert guard.refuse(_site(b"cross-site"), query=query) is not None
    # A page of the emulator's own, an address typed by the user, an SDK.
    assert guard.refuse(_site(b"same-origin"), query=query) is None
    assert guard.refuse(_site(b"none"), query=query) is None
    assert guard.refuse(_HOST, query=query) is None


def test_pages_of_another_port_may_show_what_is_stored_here() -> None:
    """An image in a page of the user's own application, say."""
    guard = Guard()
    assert guard.refuse(_site(b"same-site"), query=b"X-Amz-Signature=1") is None
    assert guard.refuse(_site(b"same-site"), method="POST") is not None
    assert guard.refuse(_site(b"cross-site")) is not None


def test_origins_decide_where_a_browser_names_one() -> None:
    guard = Guard(origins=["http://localhost:3000/"])
    action = b"Action=ListQueues"
    mine = _site(b"same-site", origin=b"http://localhost:3000")
    assert guard.refuse(mine, method="POST", query=action) is None
    own = _site(b"same-origin", origin=b"http://localhost:4566")
    assert guard.refuse(own, method="POST") is None
    for foreign in (b"http://localhost:3001", b"https://evil.example", b"null"):
        assert guard.refuse(_site(b"same-site", origin=foreign), method="POST") is not None
    assert (
        guard.refuse(_site(b"cross-site", origin=b"https://evil.example"), any_origin=True) is None
    )
