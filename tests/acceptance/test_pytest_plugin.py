"""The pytest plugin, as a project's own tests use it: pytest runs in pytest."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.acceptance.conftest import free_port
from tests.patience import until

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

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


def test_foreign_variables_lead_nowhere_else_and_come_back(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "AWS_PROFILE": "mine",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_SQS": "http://localhost:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_REGION": "xx-nowhere-1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    project.makepyfile(
        f"""
        import os

        GIVEN = {given}

        def test_it_is_found(localfaas, monkeypatch):
            monkeypatch.setenv("AWS_REGION", "xx-elsewhere-1")
            monkeypatch.undo()  # of what the test has set itself
            import boto3
            for service in ("sqs", "sts"):
                assert boto3.client(service).meta.endpoint_url == localfaas.url
            assert boto3.client("sts").get_caller_identity()["Account"] == localfaas.account

        def test_they_are_back():
            import boto3
            assert {{name: os.environ.get(name) for name in GIVEN}} == GIVEN
            assert boto3.DEFAULT_SESSION is None
        """
    )
    run(project).assert_outcomes(passed=2)


def test_a_fixture_of_a_wider_scope_has_an_account_for_all_of_its_tests(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        """
        import boto3, pytest

        @pytest.fixture(scope="module")
        def greeter(localfaas_account):
            with localfaas_account() as localfaas:
                localfaas.deploy("greets")
                yield localfaas

        def account():
            return boto3.client("sts").get_caller_identity()["Account"]

        @pytest.mark.parametrize("n", range(2))
        def test_together(greeter, n):
            assert greeter.invoke("greets", {"name": "you"}).payload == "hello you"
            greeter.assert_cold(1)
            assert account() == greeter.account

        def test_own_account_beside_it(greeter, localfaas):
            assert account() == localfaas.account != greeter.account
            localfaas.assert_nothing_left()

        def test_that_of_the_module_is_found_again(greeter):
            assert account() == greeter.account
            assert greeter.invoke("greets", {}).error == ""

        def test_options(localfaas_account):
            with localfaas_account(region="eu-west-1") as localfaas:
                assert localfaas.region == "eu-west-1"
        """
    )
    result = run(project)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["greets: success, *", "greets: error, *warm, KeyError*"])


def test_mistakes_are_told_where_the_test_makes_them(project: pytest.Pytester) -> None:
    project.makefile(".yaml", template="Parameters: {Size: {Type: Number}}\nResources: {}\n")
    project.makepyfile(
        """
        import pytest

        def test_folder(localfaas):
            localfaas.deploy("greet")

        def test_parameter(localfaas):
            localfaas.deploy("template.yaml", Sise=3)

        def test_empty(localfaas, tmp_path):
            localfaas.deploy(tmp_path)

        def test_elsewhere(localfaas):
            import os
            os.dup2(os.open("greets/app.py", os.O_RDONLY), 900)
            localfaas.deploy("/proc/self/fd/900")  # this process sees it

        def test_parameter_of_a_folder(localfaas):
            localfaas.deploy("greets", Size=3)

        def test_function(localfaas):
            localfaas.invoke("greet")

        def test_claim(localfaas):
            localfaas.deploy("greets")
            localfaas.assert_billed_under(100, "greet")

        @pytest.mark.localfaas("greets")
        def test_marker(localfaas): ...

        @pytest.mark.localfaas(profile="awz")
        def test_option(localfaas): ...
        """
    )
    result = run(project, "--tb=long")
    result.assert_outcomes(failed=7, errors=2)
    result.stdout.fnmatch_lines_random(
        [
            "E *ClientError: *greet does not exist",
            "E *ClientError: *test_empty0 holds no function: *handler or lambda_handler",
            'E */fd/900 does not exist where the emulator runs,*"/proc/self/fd:/proc/self/fd"*',
            "E *ClientError: *template.yaml has no parameter Sise; it has Size",
            "E *ClientError: *greets is no template: the parameter Size has no meaning for it",
            "E *ResourceNotFoundException: *Function not found: *",
            "E *AssertionError: there is no function greet; there is greets",
            "the marker localfaas takes options of `localfaas up`, not 'greets': give *",
            "the emulator did not start: there is no profile 'awz': *",
        ]
    )
    for inner in ("*During handling of*", "*def _checked*", "*def _make_api_call*", "*def _of*"):
        result.stdout.no_fnmatch_line(inner)


def test_parameters_need_not_be_texts(project: pytest.Pytester) -> None:
    project.makefile(
        ".yaml",
        template="""
        Parameters:
          Size: {Type: Number}
          On: {Type: String, AllowedValues: ["true", "false"]}
          Names: {Type: CommaDelimitedList}
        Resources: {Topic: {Type: "AWS::SNS::Topic"}}
        Outputs: {All: {Value: !Sub ["${Size} ${On} ${Last}", {Last: !Select [1, !Ref Names]}]}}
        """,
    )
    project.makepyfile(
        """
        import pytest

        @pytest.mark.localfaas(seed=None)
        def test_it(localfaas):
            found = localfaas.deploy("template.yaml", Size=3, On=True, Names=["a", "b"])
            assert found.outputs == {"All": "3 true b"}
        """
    )
    run(project).assert_outcomes(passed=1)


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


def test_a_test_that_fails_in_its_own_fixture_shows_them_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.fixture
        def greeting(localfaas):
            localfaas.deploy("greets")
            assert localfaas.invoke("greets", {}).error == ""

        def test_it(greeting): ...
        """
    )
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["greets: error, *cold: *KeyError*", "greets | *KeyError*"])


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
            with pytest.raises(AssertionError, match="mine: 1 message$"):
                localfaas.assert_nothing_left()
        """
    )
    run(project).assert_outcomes(passed=1)


def test_a_claim_that_does_not_hold_shows_the_line_that_makes_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_wrong(localfaas):
            localfaas.deploy("greets")
            localfaas.invoke("greets", {"name": "you"})
            localfaas.assert_cold(0)
        """
    )
    result = run(project)
    result.stdout.fnmatch_lines([">*localfaas.assert_cold(0)", "E*AssertionError: 1 cold start, *"])
    result.stdout.no_fnmatch_line("*def assert_cold*")


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


@pytest.mark.timeout(300 + 20 * RUNS)
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
    until(lambda: _group(pid), lambda left: not left)


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


def test_an_emulator_that_ends_in_a_test_says_so_and_the_next_test_has_another(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        """
        import os, signal, time

        def test_it_ends(localfaas, localfaas_server):
            os.killpg(localfaas_server.pid, signal.SIGKILL)
            while localfaas_server.runs():
                time.sleep(0.01)
            localfaas.deploy("greets")

        def test_after_it(localfaas):
            assert localfaas.deploy("greets").functions
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["E *the emulator has ended (exit code -9); it printed last:"])
    result.stdout.no_fnmatch_line("*start one with*")


def test_a_running_emulator_is_used_where_it_is_asked_for(project: pytest.Pytester) -> None:
    from emulator.client.server import Server

    project.makepyfile(
        """
        def test_there(localfaas_noproc):
            localfaas_noproc.deploy("greets")
            assert localfaas_noproc.invoke("greets", {"name": "you"}).payload == "hello you"

        def test_the_same(localfaas):
            assert localfaas.client("lambda").list_functions()["Functions"] == []

        def test_the_region_is_its_own(localfaas_noproc):
            assert localfaas_noproc.region == "eu-west-1"
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
    server = Server.start(["--port", "0", "--region", "eu-west-1"])
    try:
        result = run(project, "--localfaas-endpoint", server.url)
        result.assert_outcomes(passed=3)
    finally:
        server.stop()
    result = run(project, "--localfaas-endpoint", server.url)
    assert result.ret != 0
    assert re.search("^no emulator answers at http://localhost", result.stdout.str(), re.MULTILINE)


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
    result.stdout.no_fnmatch_line("*subprocess.Popen*")
    result = run(project, "--localfaas-options=--region 'eu-west-1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*--localfaas-options * can't be read: No closing quotation"])
