"""What a start loads, and what it leaves for a first call."""

import json
import subprocess
import sys

import pytest

#: Runs a command that says what is loaded once functions can be called, and ends.
_COMMAND = """
import asyncio, gc, sys
from emulator.cli import main
from emulator.cli.commands import up

def ready(emulator, launcher):
    print("modules", *sys.modules)
    print("collects", gc.isenabled())
    def end():
        print("collects", gc.isenabled())
        emulator.stop()
    asyncio.get_running_loop().call_soon(end)

up._be_ready = ready
main()
"""
#: What no start needs: of Python, of other packages, of localfaas.
_LATER = (
    *("csv", "email.parser", "http.client", "importlib.metadata", "multiprocessing", "tomllib"),
    *("anyio", "boto3", "botocore", "cbor2", "click", "docker", "fastapi", "h2", "jinja2"),
    *("jsonschema", "pydantic", "samtranslator", "starlette", "uvicorn.main", "watchfiles", "yaml"),
    *("emulator.edge.admin", "emulator.edge.dashboard", "emulator.pool.extensions"),
    *("emulator.edge.http_fronts.payload_v2", "emulator.telemetry.timeline.pages"),
)
#: Modules of localfaas that are loaded then. Raise it only for what every start needs: each takes
#: about 0.1 % of the start.
_MOST = 460


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The words of each line that a start with a template of SAM says."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "app.py").write_text("def handler(event, context):\n    return event\n")
    properties = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "python3.12"}
    function = {"Type": "AWS::Serverless::Function", "Properties": properties}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Echo": function}}
    (folder / "template.json").write_text(json.dumps(template))
    command = [sys.executable, "-c", _COMMAND, "up", str(folder), "--port", "0", "--no-watch"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in out.splitlines()]


def test_a_start_loads_nothing_that_a_first_call_could(said: list[list[str]]) -> None:
    (loaded,) = [set(words[1:]) for words in said if words[:1] == ["modules"]]
    assert {"emulator.app", "emulator.services.cloudformation.engine", "uvicorn"} <= loaded
    assert loaded.intersection(_LATER) == set()
    own = [each for each in loaded if each.startswith("emulator")]
    assert len(own) <= _MOST


def test_the_collector_waits_for_the_end_of_the_start(said: list[list[str]]) -> None:
    assert [words[1] for words in said if words[:1] == ["collects"]] == ["False", "True"]


def test_a_driver_loads_what_starts_functions_with_the_first_one() -> None:
    script = "import sys; from emulator.driver.process import driver; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "emulator.driver.process.layout" in loaded
    later = {f"emulator.driver.process.{name}" for name in ("launch", "stem_cells", "zygote")}
    assert loaded & later == set()
