"""Our Python runtime against AWS's own client: same functions, same answers, same log."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.python import LANGUAGE
from emulator.driver.languages.python_packages import PythonPackages
from emulator.driver.process.interpreters import find
from emulator.model.console import SilentConsole
from tests.differential import python_cases as cases
from tests.differential.harness import LOG_FD, Outcome, plain, run

pytestmark = pytest.mark.thorough

RUNTIMES = Path(__file__).parents[2] / "runtimes" / "python"
OWN_VERSION = sys.version_info.minor
HEADERS = {
    "Lambda-Runtime-Trace-Id": "Root=1-0-0;Parent=0;Sampled=0",
    "Lambda-Runtime-Client-Context": json.dumps(
        {"client": {"installation_id": "i"}, "custom": {"a": 1}, "env": {"b": 2},
         "w3c": {"traceparent": "t", "x": 1}}
    ),
    "Lambda-Runtime-Cognito-Identity": json.dumps({"cognitoIdentityId": "c"}),
    "Lambda-Runtime-Aws-Tenant-Id": "tenant",
}  # fmt: skip
FORMATS: dict[str, dict[str, str]] = {
    "text": {},
    "text-INFO": {"AWS_LAMBDA_LOG_LEVEL": "INFO"},
    "json": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
    "json-DEBUG": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"},
}
#: Frames of a client's own, in tracebacks that Python itself prints.
_CLIENT_FRAME = re.compile(
    r'^[\s\xa0]+File "[^"]*'
    r"(?:awslambdaric|localfaas_runtime|official\.py|runtimes/python/bootstrap\.py)"
)
_CLIENT_FILE = re.compile(r"(?:awslambdaric|localfaas_runtime)/\w+\.py:\d+: ")


class Clients:
    """Both clients on one interpreter."""

    def __init__(self, interpreter: Interpreter, packages: Path) -> None:
        self.interpreter = interpreter
        self._packages = str(packages)

    def compare(
        self,
        folder: Path,
        files: dict[str, str],
        events: list[str],
        handler: str = "app.handler",
        environ: dict[str, str] | None = None,
    ) -> tuple[Outcome, Outcome]:
        """Return what ours and what AWS's client makes of a function."""
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            coding = "latin-1" if "coding: latin-1" in text else "utf-8"
            path.write_bytes(text.encode(coding))
        outcomes = []
        for program in ("bootstrap.py", "official.py"):
            told = json.dumps({"opt": [], "packages": self._packages})
            command = [str(self.interpreter.executable), "-S", str(RUNTIMES / program), told]
            given = {
                "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.interpreter.runtime}",
                "LAMBDA_RUNTIME_DIR": str(RUNTIMES),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",
                # AWS's locales: C.UTF-8 since Python 3.12, en_US.UTF-8 before, which is strict.
                "LC_CTYPE": "C.UTF-8",
                "PYTHONIOENCODING": "" if self.interpreter.release >= 12 else "utf-8:strict",
                "_HANDLER": handler,
                "_LAMBDA_TELEMETRY_LOG_FD": str(LOG_FD),
                **(environ or {}),
            }
            texts = [event.encode("utf-8", "surrogatepass") for event in events]
            outcomes.append(run(command, folder, texts, given, HEADERS))
        return outcomes[0], outcomes[1]


@pytest.fixture(scope="session")
def make_clients(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[int, Clients] = {}

    async def make(version: int) -> Clients:
        if version not in made:
            found = next(one for one in find(LANGUAGE) if one.release == version)
            state = tmp_path_factory.mktemp("state")
            packages = PythonPackages(official=True, console=SilentConsole(), state=state)
            folder = tmp_path_factory.mktemp("packages")
            for source, place in await packages.of(found, ""):
                target = folder / Path(place).name
                if not target.exists() and target.name != "awslambdaric.py":
                    target.symlink_to(source)
            if not (folder / "awslambdaric").exists():
                pytest.skip(f"awslambdaric for Python 3.{version} can't be had here")
            made[version] = Clients(found, folder)
        return made[version]

    return make


def without_client(lines: list[str]) -> list[str]:
    """Return lines without the frames of a client's own, and what belongs to them."""
    found: list[str] = []
    skipping = False
    for line in lines:
        if _CLIENT_FRAME.match(line):
            skipping = True
        elif not skipping or not re.match(r"[ \xa0]{2}", line) or "File " in line:
            # A warning is told of with its line of source, too.
            skipping = "Warning: " in line and _CLIENT_FILE.search(line) is not None
            found.append(line)
    return found


def normal(log: list[str]) -> list[str]:
    """Return a log without what differs between clients by their nature."""
    return [plain(_without_client_inside(event)) for event in without_client(log)]


def _without_client_inside(event: str) -> str:
    if event.startswith('{"'):
        told = json.loads(event)
        if "stackTrace" in told:
            told["stackTrace"] = without_client(told["stackTrace"])
        return json.dumps(told)
    return "\n".join(without_client(event.split("\n")))


def answer(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return an answer without what differs between clients by their nature.

    AWS's client tells no error type of an invocation; the body has it.
    """
    path, error_type, content_type, body = map(plain, given)
    if path.endswith("/error"):
        told = json.loads(body)
        told["stackTrace"] = without_client(told.get("stackTrace", []))
        body = json.dumps(told)
        error_type = error_type if path.startswith("init") else ""
    return path, error_type, content_type, body


def by_case(log: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"": []}
    now = found[""]
    for event in normal(log):
        # What a case printed without a newline stands before the next one's mark.
        head, mark, number = event.rpartition("== ")
        if mark and number.isdecimal():
            if head:
                now.append(head)
            now = found.setdefault(number, [])
        else:
            now.append(event)
    return found


def differences(ours: Outcome, theirs: Outcome, bodies: list[str]) -> list[str]:
    """Return a line for each body whose answers or log lines differ."""
    found = []
    if ours.status != theirs.status or len(ours.answers) != len(theirs.answers):
        found.append(f"ended {ours.status} / {theirs.status}, {len(ours.answers)} answers")
    logs = by_case(ours.log), by_case(theirs.log)
    for number, body in enumerate(bodies):
        answers = [
            answer(each.answers[number]) if number < len(each.answers) else ()
            for each in (ours, theirs)
        ]
        if answers[0] != answers[1]:
            found.append(f"{body}\n    ours   {answers[0]}\n    theirs {answers[1]}")
        lines = [each.get(str(number), []) for each in logs]
        if lines[0] != lines[1]:
            found.append(f"{body}\n    ours   {lines[0]}\n    theirs {lines[1]}")
    return found


async def _hold(
    make_clients: Any, version: int, folder: Path, bodies: list[str], form: str
) -> None:
    clients = await make_clients(version)
    events = [json.dumps({"n": number}) for number in range(len(bodies))]
    files = {"app.py": cases.module(bodies)}
    ours, theirs = clients.compare(folder, files, events, environ=FORMATS[form])
    assert len(theirs.answers) == len(bodies), theirs.log[-5:]
    found = differences(ours, theirs, bodies)
    assert not found, f"{len(found)} of {len(bodies)}:\n" + "\n".join(found)


_QUICK = {
    "returned": cases.returned()[::7],
    "raised": cases.raised()[::4],
    "logged": cases.logged()[::6],
}
_WHOLE = {
    "returned": cases.returned(),
    "raised": cases.raised(),
    "printed": cases.printed(),
    "logged": cases.logged(),
    "read": cases.read(),
}
#: Of Python 3.8 AWS's own runtime and what PyPI has of its client are not alike; the client that
#: 3.9 can have is of an older release than what AWS's newer runtimes read contexts with.
_VERSIONS = sorted(one.release for one in find(LANGUAGE) if one.release > 8)
#: `make soak` compares the older releases, too.
_COMPARED = [
    pytest.param(version, kind, marks=[] if version == _VERSIONS[-1] else pytest.mark.soak)
    for version in dict.fromkeys((_VERSIONS[0], OWN_VERSION, _VERSIONS[-1]))
    for kind in _WHOLE
    if kind != "read" or version > 9
]


@pytest.mark.parametrize("kind", _QUICK)
async def test_some_functions(make_clients: Any, tmp_path: Path, kind: str) -> None:
    await _hold(make_clients, OWN_VERSION, tmp_path, _QUICK[kind], "text")


@pytest.mark.slow
@pytest.mark.parametrize(("version", "kind"), _COMPARED)
async def test_functions(make_clients: Any, tmp_path: Path, version: int, kind: str) -> None:
    await _hold(make_clients, version, tmp_path, _WHOLE[kind], "text")


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "text"])
@pytest.mark.parametrize("kind", ["raised", "printed", "logged"])
async def test_log_formats(make_clients: Any, tmp_path: Path, kind: str, form: str) -> None:
    await _hold(make_clients, OWN_VERSION, tmp_path, _WHOLE[kind], form)


@pytest.mark.slow
@pytest.mark.parametrize("name", cases.ALONE)
async def test_modules(make_clients: Any, tmp_path: Path, name: str) -> None:
    files, handler, events = cases.ALONE[name]
    clients = await make_clients(OWN_VERSION)
    ours, theirs = clients.compare(tmp_path, files, events, handler)
    assert list(map(answer, ours.answers)) == list(map(answer, theirs.answers))
    assert ours.status == theirs.status
    assert normal(ours.log) == normal(theirs.log)
