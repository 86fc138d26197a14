"""Link-local addresses, where clouds keep a machine's credentials, are closed to functions."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from emulator.driver import link_local
from emulator.driver.link_local import Closed, UserIds
from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of
from tests.contract.conftest import make_process_driver
from tests.needs import need

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux"),
    # They have the same user ids.
    pytest.mark.xdist_group("link-local"),
]

#: Prints, or returns, the number of the error that a connection to the address gets.
_TRY = """
import socket

def error_of(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(0.5)
        try:
            client.connect((address, port))
        except OSError as error:
            return error.errno or 0
    return 0
"""
_CODE = _TRY + textwrap.dedent(
    """
    def handler(event, context):
        return [error_of(address, port) for address, port in event]
    """
)
#: Far from the ids that emulators on this machine choose.
_SPACE = UserIds(1_061_000_000, 1_061_003_999)


def _ids(number: int) -> UserIds:
    first = _SPACE.first + 1000 * number
    return UserIds(first, first + 999)


def _with_rules() -> set[UserIds]:
    with closing(link_local._netlink()) as netlink:
        return {ids for ids in link_local._ids_with_rules(netlink) if ids.first >= _SPACE.first}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    with closing(link_local._netlink()) as netlink:
        for number in range(4):
            link_local._remove(netlink, _ids(number))


def _tried_as(uid: int, address: str, port: int = 80) -> int:
    # What is imported is imported as root: the interpreter may be for root alone.
    program = f"{_TRY}\nimport os; os.setuid({uid})\nprint(error_of({address!r}, {port}))"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    return int(answer.stdout)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_function_asks_for_the_machines_credentials(tmp_path: Path, allowed: bool) -> None:
    driver = make_process_driver("process-root", tmp_path, stem_cells=1, allow_link_local=allowed)
    running = Running(Settings(port=0, cpu_limit="none"), driver=driver)
    try:
        client = running.client("lambda")
        create(client, Code={"ZipFile": zip_of(app__py=_CODE)}, Runtime="python3.11", Timeout=60)
        tried = [("169.254.169.254", 80), ("169.254.0.1", 53), ("127.0.0.1", running.emulator.port)]
        answer = client.invoke(FunctionName="hello", Payload=json.dumps(tried).encode())
        cloud, other, emulator = json.loads(answer["Payload"].read())
        assert [error == errno.EACCES for error in (cloud, other)] == [not allowed] * 2
        assert emulator == 0
        assert driver.closes_link_local is not allowed
    finally:
        running.stop()


def test_rules_are_for_the_ids_alone_and_go_with_the_emulator() -> None:
    closed = Closed(_ids(0), _SPACE)
    try:
        assert _with_rules() == {_ids(0)}
        assert _tried_as(_ids(0).first, "169.254.169.254") == errno.EACCES
        assert _tried_as(_ids(0).last + 1, "169.254.169.254") != errno.EACCES
    finally:
        closed.open_again()
    assert _with_rules() == set()
    assert _tried_as(_ids(0).first, "169.254.169.254") != errno.EACCES


@pytest.mark.parametrize(
    "address", ["168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"]
)
def test_where_other_clouds_answer_is_closed_too(address: str) -> None:
    if ":" in address and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this kernel has no IPv6")
    closed = Closed(_ids(0), _SPACE)
    try:
        assert _tried_as(_ids(0).first, address) == errno.EACCES
        assert _tried_as(_ids(0).last + 1, address) != errno.EACCES
    finally:
        closed.open_again()
    assert _tried_as(_ids(0).first, address) != errno.EACCES


def test_rules_of_a_killed_emulator_are_removed_by_the_next() -> None:
    with closing(link_local._netlink()) as netlink:
        link_local._close(netlink, _ids(1))
    lives = Closed(_ids(2), UserIds(0, 0))
    assert _with_rules() == {_ids(1), _ids(2)}
    third = Closed(_ids(3), _SPACE)
    assert _with_rules() == {_ids(2), _ids(3)}
    with pytest.raises(OSError, match="another emulator has"):
        Closed(_ids(2), _SPACE)
    third.open_again()
    lives.open_again()


async def test_where_others_hold_all_names_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function of another emulator can: they are anybody's."""

    def taken(*arguments: object) -> None:
        raise OSError(errno.EADDRINUSE, "another emulator has the user ids")

    monkeypatch.setattr(link_local, "Closed", taken)
    driver = make_process_driver("process-root", tmp_path, stem_cells=0)
    await driver.open()
    try:
        assert not driver.closes_link_local
        assert f"{link_local.NOTE} Here it failed: all user ids are taken." in driver.notes()
    finally:
        await driver.close()


def test_a_name_server_that_is_link_local_is_let_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some clouds. Its credentials are at another port of the same address."""
    file = tmp_path / "resolv.conf"
    names = ("169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::253")
    file.write_text("\n".join(["search x", *(f"nameserver {name}" for name in names), "", ""]))
    servers = link_local._closed_name_servers(file)
    assert [str(server) for server in servers] == ["169.254.169.254", "fd00:ec2::253"]
    monkeypatch.setattr(link_local, "_closed_name_servers", lambda file: servers)
    closed = Closed(_ids(0), _SPACE)
    try:
        uid = _ids(0).first
        assert _tried_as(uid, "169.254.169.254", 53) != errno.EACCES
        assert _tried_as(uid, "169.254.169.254") == errno.EACCES
    finally:
        closed.open_again()
    assert _with_rules() == set()


@pytest.mark.parametrize("file", ["_RESOLVER", "_BEHIND_SYSTEMD"])
def test_a_containers_own_network_is_closed_and_this_machines_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Docker's name server asks this machine's from there: that one is let through."""
    (tmp_path / "resolv.conf").write_text("nameserver 169.254.169.253\n")
    monkeypatch.setattr(link_local, file, tmp_path / "resolv.conf")
    need("nsenter")
    container = subprocess.Popen([need("unshare"), "--net", "sleep", "60"])
    try:
        while os.path.samefile(f"/proc/{container.pid}/ns/net", "/proc/self/ns/net"):
            os.sched_yield()
        within = ["nsenter", "--net", f"--target={container.pid}"]
        ip = need("ip")
        subprocess.run([*within, ip, "link", "set", "lo", "up"], check=True)
        subprocess.run([*within, ip, "route", "add", "default", "dev", "lo"], check=True)
        link_local.close_in_container(container.pid)
        tried = [("169.254.169.254", 80), ("169.254.169.253", 80), ("169.254.169.253", 53)]
        program = f"{_TRY}\nprint(*(error_of(*each) for each in {tried}))"
        inside = subprocess.run(
            [*within, sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
        )
        errors = [int(each) for each in inside.stdout.split()]
        assert [each == errno.EACCES for each in errors] == [True, True, False]
    finally:
        container.kill()
        container.wait()
    link_local.close_in_container(os.getpid())
    assert _tried_as(0, "169.254.169.254") != errno.EACCES
    with suppress(FileNotFoundError):
        link_local.close_in_container(container.pid)
