"""Programs that install and build, on the loop that the emulator has."""

from __future__ import annotations

import os
from pathlib import Path

import uvloop

from emulator.code import programs


def test_a_program_may_have_this_process_s_own_variables() -> None:
    assert uvloop.run(programs.run(["true"], Path("/"), os.environ)) is None
