"""The kernel's keys: a sandbox has none of the emulator's, nor of those before it and beside it."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import subprocess
import sys

import pytest

from emulator.driver.base import Driver
from tests.contract.conftest import PROCESS_ONLY, Start
from tests.contract.sandboxes import handler, is_jailed

_ADD_KEY, _KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(platform.machine(), (0, 0))
_SESSION, _USER = -3, -4
#: Far from the ids that emulators on this machine choose.
_UID = 1_061_000_007

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or not _KEYCTL, reason="needs Linux's keys"),
    pytest.mark.xdist_group("keys"),
]

#: Adds keys, and looks for them: the numbers of errors, or 0.
_CALLS = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *given):
    long = [ctypes.c_long(each) if isinstance(each, int) else each for each in given]
    return 0 if libc.syscall(ctypes.c_long(number), *long) >= 0 else ctypes.get_errno()

def add(name, keyring):
    return call({_ADD_KEY}, b"user", name, b"secret", 6, keyring)

def find(name, keyring):
    return call({_KEYCTL}, 10, keyring, b"user", name, 0)
"""
#: Asks for what the event names.
_SOURCE = _CALLS + handler(
    "return [globals()[each[0]](each[1].encode(), each[2]) for each in event]"
)


@PROCESS_ONLY
async def test_keys_are_a_sandboxes_own(start: Start, driver: Driver) -> None:
    if not is_jailed(driver):
        pytest.skip("has no walls, and says so in its notes")
    libc = ctypes.CDLL(None)
    # As a login does; the sandboxes to come would inherit it.
    libc.syscall(ctypes.c_long(_KEYCTL), ctypes.c_long(1), ctypes.c_long(0))
    libc.syscall(ctypes.c_long(_ADD_KEY), b"user", b"emulators", b"x", 1, ctypes.c_long(_SESSION))
    first, second = await start(_SOURCE), await start(_SOURCE)
    added = (await first.invoke([["add", "own", _SESSION], ["add", "own", _USER]])).json()
    if errno.ENOSYS in added or errno.EPERM in added:
        pytest.skip("this kernel gives nobody keys here")
    assert added == [0, 0]
    found = [["find", "own", _SESSION], ["find", "own", _USER], ["find", "emulators", _SESSION]]
    assert (await first.invoke(found)).json() == [0, 0, errno.ENOKEY]
    assert (await second.invoke(found)).json() == [errno.ENOKEY] * 3


_EMULATOR = f"""{_CALLS}
import os, sys
sys.path.insert(0, sys.argv[1])
import kernel
assert call({_KEYCTL}, 1, 0) == 0
assert add(b"emulators", -3) == 0
if os.fork() == 0:
    kernel.join_new_session_keyring()
    print(find(b"emulators", -3))
    os._exit(0)
os.wait()
if os.fork() == 0:
    os.setresuid({_UID}, {_UID}, {_UID})
    assert add(b"before", -4) == 0
    os._exit(0)
os.wait()
if os.fork() == 0:
    os.setresuid({_UID}, {_UID}, {_UID})
    assert find(b"before", -4) == 0
    kernel.clear_user_keyrings()
    print(find(b"before", -4))
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")
def test_keys_of_the_emulator_and_of_those_before_are_left_behind() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(_KEYCTL), 0, -3, 0) < 0:
        pytest.skip("this kernel gives nobody keys here")
    answer = subprocess.run(
        [sys.executable, "-I", "-u", "-c", _EMULATOR, "runtimes/python"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == [str(errno.ENOKEY)] * 2
