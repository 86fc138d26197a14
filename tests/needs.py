"""What tests need of the machine: without it they skip, and in CI, which installs it, fail."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

#: The packages of Debian and Ubuntu, where they have another name than the program.
_PACKAGES = {"node": "nodejs", "javac": "default-jdk-headless", "go": "golang-go"}


def unavailable(reason: str) -> NoReturn:
    """Skip for want of something; where everything has to be there, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need(program: str, *other_names: str) -> str:
    """Return the path of a program, which goes by several names; skip or fail without it."""
    for name in (program, *other_names):
        if path := shutil.which(name):
            return path
    package = _PACKAGES.get(program, program)
    unavailable(f"needs {program} (Debian, Ubuntu: apt-get install {package})")
