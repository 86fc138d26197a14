"""The pytest plugin, as a project's own tests use it: pytest runs in pytest."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.acceptance.conftest import free_port

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

#: How often eight workers run beside one another.
RUNS = int(os.environ.get("LOCALFAAS_PLUGIN_RUNS", "1"))
#: The five lines a newcomer writes.
FIVE_LINES = """
def test_it_greets(localfaas):
    localfaas.deploy("greets")
    answer = localfaas.invoke("greets", {"name": "you"})
    assert answer.payload == "hello you"
    localfaas.assert_cold(1)
"""
GREETS = (
    "def handler(event, context):\n    print('greeting')\n    return 'hello ' + event['name']\n"
)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with one function, whose tests know nothing of this one's settings."""
    (pytester.mkdir("greets") / "app.py").write_text(GREETS)
    options = "-p no:cacheprovider -p no:asyncio"
    pytester.makeini(f"[pytest]\naddopts = {options}\nfilterwarnings = error\n")
    for name in [
        name
        for name in os.environ
        if name.startswith(("AWS_", "LOCALFAAS_ENDPOINT", "PYTEST_XDIST"))
    ]:
        pytester._monkeypatch.delenv(name)
    return pytester


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return project.runpytest_subprocess(*words, timeout=200)


def test_five_lines_are_enough(project: pytest.Pytester) -> None:
    project.makepyfile(FIVE_LINES)
    run(project).assert_outcomes(passed=1)


def test_code_under_test_finds_the_account_by_itself_and_each_test_has_its_own(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        """
        import boto3, os, pytest, socket, urllib.request

        def test_addresses_of_functions_are_found(localfaas):
            localfaas.deploy("greets")
            localfaas.client("lambda").create_function_url_config(
                FunctionName="greets", AuthType="NONE")
            url = localfaas.client("lambda").get_function_url_config(
                FunctionName="greets")["FunctionUrl"]
            assert ".localhost:" in url
            with pytest.raises(urllib.error.HTTPError, match="502"):
                urllib.request.urlopen(url)  # the event has no name

        @pytest.mark.parametrize("n", range(5))
        def test_alone(localfaas, n):
            assert boto3.client("sqs").list_queues().get("QueueUrls") is None
            boto3.client("sqs").create_queue(QueueName="mine")
            identity = boto3.client("sts").get_caller_identity()
            assert identity["Account"] == localfaas.account == os.environ["AWS_ACCESS_KEY_ID"]

        def test_after_it():
            assert "AWS_ENDPOINT_URL" not in os.environ
            assert socket.getaddrinfo.__module__ == "socket"

        def test_clients_by_name(sqs_client, lambda_client, s3_client, logs_client):
            assert sqs_client.list_queues().get("QueueUrls") is None
            assert lambda_client.list_functions()["Functions"] == []
            assert s3_client.list_buckets()["Buckets"] == []
            assert logs_client.describe_log_groups()["logGroups"] == []
        """
    )
    run(project).assert_outcomes(passed=8)


def test_a_marker_gives_options_and_tests_with_the_same_share_an_emulator(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        """
        import pytest

        SEEN = []

        def test_plain(localfaas):
            SEEN.append(localfaas.url)
            assert localfaas.region == "us-east-1"

        @pytest.mark.parametrize("n", range(2))
        @pytest.mark.localfaas("--strict", region="eu-west-1", idle_timeout=5)
        def test_marked(localfaas, n):
            SEEN.append(localfaas.url)
            assert localfaas.region == "eu-west-1"

        def test_they_were_two(localfaas_factory, localfaas_server):
            assert SEEN == [SEEN[0], SEEN[1], SEEN[1]]
            assert SEEN[0] == localfaas_server.url != SEEN[1]
            assert localfaas_factory("--strict").url not in SEEN
        """
    )
    run(project).assert_outcomes(passed=4)


def test_a_failed_test_shows_calls_and_logs(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_wrong(localfaas):
            localfaas.deploy("greets")
            assert localfaas.invoke("greets", {}).error == "Unhandled"
            assert localfaas.logs("greets") == []
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*localfaas invocations*", "greets: error, *cold: *KeyError*", "*localfaas logs*"]
    )
    result.stdout.fnmatch_lines(["greets | *KeyError*"])


def test_junit_reports_have_what_a_failed_test_shows(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_wrong(localfaas):
            localfaas.deploy("greets")
            assert localfaas.invoke("greets", {"name": "you"}).payload == "no"
        """
    )
    run(project, "--junitxml=report.xml").assert_outcomes(failed=1)
    case = ElementTree.parse(project.path / "report.xml").getroot().find(".//testcase")
    assert case is not None
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert re.fullmatch(r"\d{12}", properties["localfaas account"] or "")
    assert "greets" in (properties["localfaas invocations"] or "")
    assert "greeting" in (properties["localfaas logs"] or "")


def test_claims_that_do_not_hold_say_why(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_claims(localfaas):
            localfaas.deploy("greets")
            localfaas.invoke("greets", {"name": "you"})
            localfaas.invoke("greets", {"name": "you"})
            localfaas.assert_cold(1)
            localfaas.evict("greets")
            localfaas.invoke("greets", {"name": "you"})
            localfaas.assert_cold(2, "greets")
            localfaas.assert_billed_under(60_000)
            localfaas.assert_nothing_left()
            with pytest.raises(AssertionError, match="2 cold starts, not 7"):
                localfaas.assert_cold(7)
            with pytest.raises(AssertionError, match="3 calls are billed 1 ms or more"):
                localfaas.assert_billed_under(1)
            url = localfaas.client("sqs").create_queue(QueueName="mine")["QueueUrl"]
            localfaas.client("sqs").send_message(QueueUrl=url, MessageBody="left")
            with pytest.raises(AssertionError, match="mine: 1 messages"):
                localfaas.assert_nothing_left()
        """
    )
    run(project).assert_outcomes(passed=1)


def test_workers_have_emulators_of_their_own(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        import pytest
        {FIVE_LINES.replace(chr(10), chr(10) + "        ")}
        @pytest.mark.parametrize("n", range(8))
        def test_again(localfaas, n):
            test_it_greets(localfaas)
        """
    )
    run(project, "-n", "2").assert_outcomes(passed=9)


@pytest.mark.timeout(200 + 20 * RUNS)
def test_eight_workers_do_not_get_into_each_others_way(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("n", range(16))
        def test_alone(localfaas, sqs_client, n):
            url = sqs_client.create_queue(QueueName="same")["QueueUrl"]
            sqs_client.send_message(QueueUrl=url, MessageBody=str(n))
            (message,) = sqs_client.receive_message(QueueUrl=url)["Messages"]
            assert message["Body"] == str(n)
        """
    )
    for _ in range(RUNS):
        run(project, "-n", "8").assert_outcomes(passed=16)


def test_nothing_lives_on_after_a_worker_is_killed(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os, pathlib, signal

        def test_dies(localfaas_server, localfaas):
            localfaas.deploy("greets")
            localfaas.invoke("greets", {"name": "you"})
            pathlib.Path("pid").write_text(str(localfaas_server.pid))
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=project.path, capture_output=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL
    pid = int((project.path / "pid").read_text())
    end = time.monotonic() + 10
    while _group(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert _group(pid) == []


def _group(pid: int) -> list[str]:
    """Return the commands of the processes in the session of an emulator."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().partition(") ")
        except OSError:
            continue
        state, _, _, session = rest.split()[:4]
        if int(session) == pid and state != "Z":
            found.append(name)
    return found


def test_a_running_emulator_is_used_where_it_is_asked_for(project: pytest.Pytester) -> None:
    from emulator.client.server import Server

    project.makepyfile(
        """
        def test_there(localfaas_noproc):
            localfaas_noproc.deploy("greets")
            assert localfaas_noproc.invoke("greets", {"name": "you"}).payload == "hello you"

        def test_the_same(localfaas):
            assert localfaas.client("lambda").list_functions()["Functions"] == []
        """
    )
    # Somebody's own emulator may run where one is looked for.
    project.makeconftest(
        f"""
        from emulator.pytest_plugin import servers
        servers.DEFAULT_ENDPOINT = "http://127.0.0.1:{free_port()}"
        """
    )
    run(project, "-k", "there", "-rs").assert_outcomes(skipped=1)
    server = Server.start(["--port", "0"])
    try:
        result = run(project, "--localfaas-endpoint", server.url)
        result.assert_outcomes(passed=2)
    finally:
        server.stop()
    result = run(project, "--localfaas-endpoint", server.url)
    assert result.ret != 0
    assert re.search("no emulator answers at http://localhost", result.stdout.str())


def test_it_costs_nothing_where_no_fixture_is_asked_for(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_nothing():
            heavy = ("boto3", "botocore", "typer", "emulator.app", "emulator.client.server")
            assert [name for name in heavy if name in sys.modules] == []
        """
    )
    run(project).assert_outcomes(passed=1)


def test_options_of_the_command_line_win_over_the_ini_file(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nlocalfaas_options = --region eu-central-1\n")
    project.makepyfile("def test_it(localfaas):\n    assert localfaas.region == 'eu-central-1'")
    run(project).assert_outcomes(passed=1)
    project.makepyfile("def test_it(localfaas):\n    assert localfaas.region == 'eu-north-1'")
    run(project, "--localfaas-options=--region eu-north-1").assert_outcomes(passed=1)


def test_an_emulator_that_does_not_start_says_why(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(localfaas):\n    pass")
    result = run(project, "--localfaas-options=--nonsense")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*No such option: --nonsense*"])
