"""The service to copy: served through boto3 in every protocol, with all a service can have."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from emulator.invoke.targets import Delivery, DeliveryRefused
from emulator.model.errors import AwsError
from emulator.model.sandbox import Exit
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.hello_world.state import Greetings

PACKAGE = "tests.hello_world"
FOLDER = Path(__file__).parents[1] / "hello_world"
PROTOCOLS = ["rest-json", "rest-xml", "json", "query", "smithy-rpc-v2-cbor"]
ACCOUNT, REGION = "111122223333", "eu-west-1"


class _Models(Loader):  # type: ignore[misc]
    """Gives the service's model, for clients of one protocol."""

    def __init__(self, protocol: str, *paths: str) -> None:
        super().__init__(list(paths))
        self._protocol = protocol

    def load_service_model(self, service_name: str, *args: Any, **options: Any) -> Any:
        found = super().load_service_model(service_name, *args, **options)
        if service_name == "hello-world" and "metadata" in found:
            metadata = {**found["metadata"], "protocol": self._protocol}
            found = {**found, "metadata": {**metadata, "protocols": [self._protocol]}}
        return found


def client_of(running: Running, protocol: str) -> Any:
    session = botocore.session.Session()
    paths = session.get_component("data_loader").search_paths
    session.register_component("data_loader", _Models(protocol, *paths, str(FOLDER / "models")))
    return boto3.Session(botocore_session=session).client(
        "hello-world",
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


def start(state: Path | None) -> Running:
    settings = Settings(port=0, state=state, extra_services=(PACKAGE,))
    return Running(settings, driver=ScriptedDriver())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = start(tmp_path / "state")
    yield running
    running.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_speaks_every_protocol(running: Running, protocol: str) -> None:
    client = client_of(running, protocol)
    made = client.put_greeting(Name="world", Text="<Hello> & wörld", Languages=["en", "de"])
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert abs(made.pop("Changed").timestamp() - time.time()) < 60
    assert made == {
        "Arn": f"arn:aws:hello-world:{REGION}:{ACCOUNT}:world",
        "Name": "world",
        "Text": "<Hello> & wörld",
        "Languages": ["en", "de"],
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_its_errors_are_awss(running: Running, protocol: str) -> None:
    client = client_of(running, protocol)
    with pytest.raises(ClientError, match="'name' failed to satisfy constraint") as raised:
        client.put_greeting(Name="World!", Text="Hello")
    assert raised.value.response["Error"]["Code"] == "InvalidGreetingException"
    with pytest.raises(ClientError, match="it has no voice") as raised:
        client.sing_greeting(Name="world", Key="C major")
    assert raised.value.response["Error"]["Code"] == "NotImplementedException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_is_not_there_is_said_to_be_missing(running: Running) -> None:
    client = client_of(running, "json")
    client.put_greeting(Name="world", Text="Hello")
    assert client.get_greeting(Name="world")["Text"] == "Hello"
    client.delete_greeting(Name="world")
    for call in (client.get_greeting, client.delete_greeting):
        with pytest.raises(ClientError, match="There is no greeting world") as raised:
            call(Name="world")
        assert raised.value.response["Error"]["Code"] == "GreetingNotFoundException"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_its_state_outlives_a_restart(tmp_path: Path) -> None:
    first = start(tmp_path)
    client_of(first, "json").put_greeting(Name="world", Text="Hello")
    first.stop()
    second = start(tmp_path)
    assert client_of(second, "json").get_greeting(Name="world")["Text"] == "Hello"
    second.stop()


def test_a_template_can_make_it(running: Running) -> None:
    stacks = running.client("cloudformation", ACCOUNT, REGION)
    greeting = {
        "Type": "AWS::HelloWorld::Greeting",
        "Properties": {"Name": "world", "Text": "Hello"},
    }
    template: dict[str, Any] = {
        "Resources": {"Greeting": greeting},
        "Outputs": {
            "Name": {"Value": {"Ref": "Greeting"}},
            "Arn": {"Value": {"Fn::GetAtt": "Greeting.Arn"}},
        },
    }
    stacks.create_stack(StackName="shop", TemplateBody=json.dumps(template))
    stack = stacks.describe_stacks(StackName="shop")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    name = outputs["Name"]
    assert name == "world"
    assert outputs["Arn"] == f"arn:aws:hello-world:{REGION}:{ACCOUNT}:{name}"
    client = client_of(running, "json")
    assert client.get_greeting(Name=name)["Text"] == "Hello"
    greeting["Properties"] = {"Name": "world", "Text": "Good day"}
    stacks.update_stack(StackName="shop", TemplateBody=json.dumps(template))
    stacks.describe_stacks(StackName="shop")
    assert client.get_greeting(Name=name)["Text"] == "Good day"
    stacks.delete_stack(StackName="shop")
    deleted = stacks.describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    assert deleted["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="There is no greeting"):
        client.get_greeting(Name=name)


def test_an_event_can_be_delivered_to_it(running: Running) -> None:
    client = client_of(running, "json")
    arn = client.put_greeting(Name="world", Text="Hello")["Arn"]
    targets = running.emulator.targets

    async def deliver() -> None:
        await targets.deliver(arn, Delivery(payload=b"Good day"))

    async def refused() -> None:
        with pytest.raises(DeliveryRefused, match="There is no greeting"):
            await targets.deliver(f"{arn}-gone", Delivery(payload=b"Good day"))

    assert targets.serves(arn)
    assert not targets.serves(arn.replace("hello-world", "nonsense"))
    running.call(deliver)
    assert client.get_greeting(Name="world")["Text"] == "Good day"
    running.call(refused)


def test_its_changes_reach_a_function(running: Running) -> None:
    client = client_of(running, "json")
    arn = client.put_greeting(Name="world", Text="Hello")["Arn"]
    emulator = running.emulator
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def begun() -> None:
        greetings: Greetings = await emulator.table.state("hello-world")
        await greetings.awaited.wait()

    async def remember(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            told.put(json.loads(payload))
            await runtime.respond(request_id, b"{}")

    running.scripted_driver.script = remember
    lambda_ = running.client("lambda", ACCOUNT, REGION)
    function = create(lambda_, "listener")["FunctionArn"]
    with pytest.raises(ClientError, match="There is no greeting"):
        lambda_.create_event_source_mapping(EventSourceArn=f"{arn}-gone", FunctionName=function)
    mapping = lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)
    running.call(begun)
    client.put_greeting(Name="world", Text="Good day")
    (record,) = told.get(timeout=60)["Records"]
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    assert (record["text"], record["eventSourceARN"]) == ("Good day", arn)


def test_nothing_of_the_project_knows_it_but_its_folder_and_a_line() -> None:
    root = Path(__file__).parents[2]
    pattern = ("hello_world", "hello-world", "HelloWorld", "Hello World")
    files = [
        path.relative_to(root).as_posix()
        for folder in ("emulator", "tests", "runtimes")
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".json", ".toml", ".sql")
        # What was recorded says so to everybody.
        and path.parent.name != "conformance"
        and any(word in path.read_text() for word in pattern)
    ]
    others = [each for each in files if not each.startswith("tests/hello_world/")]
    tests = ["tests/acceptance/test_recipes.py", "tests/api/test_hello_world.py"]
    assert sorted(others) == tests
    spec = json.loads(next(FOLDER.rglob("service-2.json")).read_text())
    assert spec["metadata"]["serviceFullName"] == "Hello World"


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("PutGreeting", {"Name": "world"}, "InvalidGreetingException"),
        ("PutGreeting", {"Name": "world", "Text": 1}, "SerializationException"),
        ("GetGreeting", {"Name": "world"}, "GreetingNotFoundException"),
        ("SingGreeting", {"Name": "world", "Key": "C"}, "NotImplementedException"),
        ("Nonsense", {}, "UnknownOperationException"),
    ],
)
def test_a_call_without_http_is_checked_as_one_with_it(
    running: Running, operation: str, request_: dict[str, Any], code: str
) -> None:
    call = running.emulator.table.call
    with pytest.raises(AwsError) as raised:
        running.call(lambda: call("hello-world", operation, request_))
    assert raised.value.code == code


def test_a_call_without_http_reads_what_http_has_elsewhere(running: Running) -> None:
    call = running.emulator.table.call
    greeting = {"Name": "world", "Text": "Hello", "Languages": ["en"], "Nonsense": 1}
    made = running.call(lambda: call("hello-world", "PutGreeting", greeting, account=ACCOUNT))
    assert made["Arn"] == f"arn:aws:hello-world:us-east-1:{ACCOUNT}:world"
    assert made["Languages"] == ["en"]
