from __future__ import annotations

import os
import socket
import sys

import pytest

from emulator.driver.process import peers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs sock_diag")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_owner_of_a_connection(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as server:
        local = server.getsockname()[:2]
        with socket.create_connection(local) as client:
            peer = client.getsockname()[:2]
            found = peers.owner(peer, local)
            assert found is not None
            assert found.uid == os.getuid()
            assert found.inode == os.fstat(client.fileno()).st_ino
            assert peers.holds([os.getpid()], found.inode)
            assert not peers.holds([], found.inode)
            if family == socket.AF_INET:
                assert peers._from_table(peer, local) == found


def test_no_such_connection() -> None:
    assert peers.owner(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert peers._from_table(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
