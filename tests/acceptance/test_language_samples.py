"""The samples of further languages: built by `up`, called, and compared by their cold starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.conftest import EMULATOR, ROOT, Up, localfaas_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

#: The program that builds or runs each sample.
PROGRAMS = {"go": "go", "rust": "cargo", "java": "javac", "ruby": "ruby"}
#: The oldest Rust 1 that the crates of AWS's client build with.
RUST = 88


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An emulator with a copy of the samples: what is built lies beside them."""
    folder = tmp_path_factory.mktemp("languages")
    shutil.copytree(
        ROOT / "sample_functions" / "languages",
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("target", ".aws-sam"),
    )
    if not builds_rust():
        (folder / "hello-rust" / "Makefile").unlink()
    template, words = folder / "template.yaml", ["env", *map("=".join, shared_builds().items())]
    # To build takes longer than a start may.
    built = [*words, *EMULATOR, "run", str(template), "--", "true"]
    subprocess.run(built, check=True, timeout=1000)
    with localfaas_up(template, "--no-watch", before=words) as up:
        yield up


def shared_builds() -> dict[str, str]:
    """Return the variables by which what cargo has built is built once for all tests."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # One job: tests run beside it.
    return {
        "CARGO_TARGET_DIR": str(Path(base) / "localfaas-tests" / "cargo"),
        "CARGO_BUILD_JOBS": "1",
    }


def need_toolchain(language: str) -> None:
    """Skip where a language's toolchain is not here, or is not to be used."""
    if shutil.which(PROGRAMS[language]) is None:
        pytest.skip(f"needs {PROGRAMS[language]}")
    if language == "rust" and not builds_rust():
        pytest.skip(f"its crates need Rust 1.{RUST} or newer")


@cache
def builds_rust() -> bool:
    """Say whether the Rust of this machine builds what the sample needs."""
    if (cargo := shutil.which("cargo")) is None:
        return False
    told = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"cargo 1\.(\d+)", told)
    return found is not None and int(found[1]) >= RUST


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_sample_greets(up: Up, language: str) -> None:
    need_toolchain(language)
    event = (ROOT / f"sample_functions/languages/hello-{language}/event.json").read_bytes()
    answer = up.client().invoke(FunctionName=f"hello-{language}", Payload=event, LogType="Tail")
    assert json.load(answer["Payload"]) == {"message": "Hello, Ada!"}
    assert "FunctionError" not in answer


def test_their_cold_starts_are_compared(up: Up) -> None:
    names = [
        f"hello-{each}"
        for each, program in PROGRAMS.items()
        if shutil.which(program) and (each != "rust" or builds_rust())
    ]
    if len(names) < 2:
        pytest.skip("needs two of the toolchains")
    compare = ["--compare", f"function={','.join(names)}", "--runs", "2"]
    compared = subprocess.run(
        [*EMULATOR, "coldstart", names[0], *compare, "--json", "--endpoint", up.url],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert compared.returncode == 0, compared.stderr
    for name in names:
        assert name in compared.stdout
