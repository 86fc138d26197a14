"""A sandbox from its driver's side."""

from __future__ import annotations

import os

from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.sandbox import Exit


async def test_one_that_is_given_up_before_it_stands_is_waited_for_no_more() -> None:
    sandbox = ProcessSandbox(slot=0, uid=None, group=None, jailed=False)
    for each in sandbox.open():
        os.close(each)
    sandbox.close()
    assert sandbox.standing.done()
    assert sandbox.running.done()
    assert sandbox.gone.done()
    assert sandbox.exited.result() == Exit(signal=9)
