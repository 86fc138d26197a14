"""Our Node.js runtime against AWS's own client: same functions, same answers, same log."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.nodejs import LANGUAGE
from tests.differential import node_cases as cases
from tests.differential.harness import LOG_FD, Outcome, plain, run
from tests.differential.test_python import HEADERS, by_case
from tests.node_versions import node

pytestmark = pytest.mark.slow


def _soaked(release: int) -> Any:
    """Return an older release: `make soak` compares it, `make test` the newest one alone."""
    return pytest.param(release, marks=pytest.mark.soak)


RUNTIME = Path(__file__).parents[2] / "runtimes" / "nodejs"
#: AWS's client by Node.js's release: its version on npm, and what starts it.
CLIENTS = {20: "3.3.0", 22: "3.3.0", 24: "4.0.2"}
_ENTRIES = {
    "3.3.0": "import {{ run }} from '{package}/dist/index.mjs';\n"
    "await run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);\n",
    "4.0.2": "await import('{package}/index.mjs');\n",
}
#: What builds the client's native part.
_BUILDERS = ("npm", "cmake", "g++", "make", "autoconf", "automake", "libtoolize", "xz")
_HEADERS = Path("/usr/include/node/node_api.h")
FORMATS: dict[str, dict[str, str]] = {
    "text": {},
    "json": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
}
_FRAME = re.compile(
    r"\s*at .*(?:<client>|aws-lambda-ric|runtimes/nodejs|entry\.mjs|node:internal|node:events)"
    r"|\s*at .*node:_http"
    r"|(?:- )?<client>$"
)


@cache
def official(version: str) -> Path:
    """Return the folder of AWS's client, built once; skips where it can't be built."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "localfaas-tests" / f"ric-{version[0]}"
    package = folder / "node_modules" / "aws-lambda-ric"
    if not list(package.rglob("rapid-client.node")):
        missing = [name for name in _BUILDERS if shutil.which(name) is None]
        if not _HEADERS.exists():
            missing.append(f"Node.js's headers ({_HEADERS})")
        if missing:
            pytest.skip(f"aws-lambda-ric can't be built here: no {', '.join(missing)}")
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        built = subprocess.run(
            [*command, f"aws-lambda-ric@{version}"],
            env={**os.environ, "npm_config_nodedir": "/usr"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if built.returncode:
            pytest.skip(f"aws-lambda-ric can't be built here: {built.stderr[-500:]}")
    return package


def compare(
    release: int,
    folder: Path,
    files: dict[str, str],
    events: list[str],
    handler: str = "index.handler",
    form: str = "text",
) -> tuple[Outcome, Outcome]:
    """Return what ours and what AWS's client makes of a function."""
    code = folder / "task"
    for name, text in files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    package = official(CLIENTS[release])
    entry = folder / "entry.mjs"
    entry.write_text(_ENTRIES[CLIENTS[release]].format(package=package))
    program = node(release)
    options = LANGUAGE.options(Interpreter(LANGUAGE, release, program), {})
    given = {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_nodejs{release}.x",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": handler,
        "_LAMBDA_TELEMETRY_LOG_FD": str(LOG_FD),
        **FORMATS[form],
    }
    headers = dict(HEADERS)
    if release >= 24:
        # That client's log lines lack the tenant, which AWS's documentation has in them:
        # https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
        del headers["Lambda-Runtime-Aws-Tenant-Id"]
    texts = [event.encode() for event in events]
    outcomes = [
        run([str(program), *options, str(start)], code, texts, given, headers)
        for start in (RUNTIME / "bootstrap.mjs", entry)
    ]
    return outcomes[0], outcomes[1]


def _without_frames(value: Any) -> Any:
    """Return a JSON value without the frames of a client's own, and of Node.js itself."""
    if isinstance(value, list):
        return [
            _without_frames(each)
            for each in value
            if not (isinstance(each, str) and _FRAME.match(each))
        ]
    if isinstance(value, dict):
        return {key: _without_frames(each) for key, each in value.items()}
    if isinstance(value, str):
        return "\n".join(line for line in value.split("\n") if not _FRAME.match(line))
    return value


def _normal_text(text: str) -> str:
    """Return a line of the log, or a body, without what differs by nature."""
    text = _CLIENT.sub("<client>", _PROCESS.sub("(node)", text))
    head, tab, rest = text.rpartition("\t")
    for candidate, before in ((text, ""), (rest, head + tab)):
        if candidate.startswith(("{", "[")):
            try:
                found = json.dumps(_without_frames(json.loads(candidate)), ensure_ascii=False)
            except ValueError:
                continue
            return plain(before + found)
    return plain(_without_frames(text))


_CLIENT = re.compile(
    r"/[^\s\"']*(?:aws-lambda-ric/(?:dist/)?index|runtimes/nodejs/\w+)\.mjs|/var/runtime/index\.mjs"
)
_PROCESS = re.compile(r"\(node:\d+\)")


def answer(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return an answer without what differs by nature.

    AWS's client tells no error type of an invocation; the body has it.
    """
    path, error_type, content_type, body = given
    if path.endswith("/error") and not path.startswith("init"):
        error_type = ""
    # A plain answer's type is one of the two clients' own, and nobody reads it.
    content_type = content_type if "octet" in content_type or "text" in content_type else ""
    return path, error_type, content_type, _normal_text(body)


def normal(log: list[str]) -> list[str]:
    """Return a log without frames of the client's own, and without what a crash dumps."""
    found = []
    for event in map(_normal_text, log):
        if re.match(r"(?:#|<--|\s*\d+: |file:<client>|/\S+:\d+$)", event):
            continue
        if event.strip() and not _FRAME.match(event):
            found.append(event)
    return found


def _hold(release: int, folder: Path, handlers: list[str], form: str) -> None:
    events = [json.dumps({"n": number}) for number in range(len(handlers))]
    ours, theirs = compare(release, folder, {"index.js": cases.module(handlers)}, events, form=form)
    assert len(theirs.answers) == len(handlers), theirs.log[-5:]
    logs = [by_case(normal(each.log)) for each in (ours, theirs)]
    found = []
    for number, handler in enumerate(handlers):
        answers = [
            answer(each.answers[number]) if number < len(each.answers) else ()
            for each in (ours, theirs)
        ]
        lines = [each.get(str(number), []) for each in logs]
        for one, other in (answers, lines):
            if one != other:
                found.append(f"{handler}\n    ours   {one}\n    theirs {other}")
    assert not found, f"{len(found)} of {len(handlers)}:\n" + "\n".join(found)


def _handlers(kind: str, release: int) -> list[str]:
    forms = cases.CLASSIC if release < 24 else cases.MODERN
    return {
        "returned": lambda: cases.returned(forms[0]),
        "failed": lambda: cases.failed(forms[1]),
        "printed": cases.printed,
        "read": cases.read,
    }[kind]()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["returned", "failed", "printed", "read"])
@pytest.mark.parametrize("release", [_soaked(20), _soaked(22), 24])
def test_functions(tmp_path: Path, release: int, kind: str, form: str) -> None:
    if form == "json" and (kind in ("returned", "read") or release == 20):
        pytest.skip("the format changes what is logged alone")
    _hold(release, tmp_path, _handlers(kind, release), form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", cases.ALONE)
@pytest.mark.parametrize("release", [_soaked(22), 24])
def test_modules(tmp_path: Path, release: int, name: str, form: str) -> None:
    if reason := cases.differs(name, release):
        pytest.skip(reason)
    files, handler = cases.ALONE[name]
    events = ['{"n": 1}', '{"n": 2}']
    ours, theirs = compare(release, tmp_path, files, events, handler, form)
    assert list(map(answer, ours.answers)) == list(map(answer, theirs.answers))
    assert ours.status == theirs.status
    assert normal(ours.log) == normal(theirs.log)
