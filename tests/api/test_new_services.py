"""AWS services that are not served yet: each answers boto3 once it has a folder and a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import botocore.session
import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running


class New(NamedTuple):
    """A service with one operation."""

    model: str
    operation: str
    request: dict[str, Any]
    #: What the operation returns, as Python code and as boto3 has it.
    result: dict[str, Any]
    #: Its paths, where it shares its name in signatures.
    path: str = ""


NEW = [
    # Two with one name in signatures.
    New(
        "apigateway",
        "GetRestApi",
        {"restApiId": "a"},
        {"id": "a", "name": "one"},
        r"/(restapis|apikeys|account|usageplans)(/.*)?",
    ),
    New("apigatewayv2", "GetApi", {"ApiId": "a"}, {"ApiId": "a", "Name": "two"}, r"/v2/.*"),
    New(
        "cloudwatch",
        "DescribeAlarmsForMetric",
        {"MetricName": "m", "Namespace": "n"},
        {"MetricAlarms": [{"AlarmName": "a", "Threshold": 1.5}]},
    ),
    New("events", "ListRules", {"NamePrefix": "r"}, {"Rules": [{"Name": "r"}]}),
    New("kinesis", "ListStreams", {}, {"StreamNames": ["s"], "HasMoreStreams": False}),
    New("s3", "ListBuckets", {}, {"Buckets": [{"Name": "b"}], "Owner": {"ID": "o"}}),
    New("scheduler", "GetSchedule", {"Name": "s"}, {"Name": "s", "State": "ENABLED"}),
    New("secretsmanager", "GetSecretValue", {"SecretId": "s"}, {"SecretString": "psst"}),
    New("sns", "ListTopics", {}, {"Topics": [{"TopicArn": "arn:aws:sns:us-east-1:0:t"}]}),
    New("ssm", "GetParameter", {"Name": "/p"}, {"Parameter": {"Name": "/p", "Version": 1}}),
]

#: The input of an operation that has none.
_NONE = SimpleNamespace(required_members=[])
_SPEC = """
from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model={model!r},
    title={title!r},
    protocols={protocols!r},
    signing_names={signing_names!r},
    target_prefix={target_prefix!r},
    query_version={query_version!r},
    path={path!r},
)
"""
_OPERATIONS = """
async def operation(ctx, request):
    assert request == {request!r}
    return {result!r}

OPERATIONS = {{{name!r}: operation}}
UNSUPPORTED = {{}}
"""


def write(folder: Path, new: New) -> str:
    """Write the folder of a service from what its model says; return its package."""
    metadata = botocore.session.get_session().get_service_model(new.model).metadata
    protocols = tuple(metadata.get("protocols", [metadata["protocol"]]))
    signing_name = metadata.get("signingName", metadata["endpointPrefix"])
    package = folder / f"new_{new.model}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "spec.py").write_text(
        _SPEC.format(
            model=new.model,
            title=metadata["serviceId"],
            protocols=protocols,
            # The sessions of S3's directory buckets have a name of their own.
            signing_names=(signing_name, "s3express") if new.model == "s3" else (signing_name,),
            target_prefix=metadata.get("targetPrefix", ""),
            path=new.path,
            query_version=metadata["apiVersion"] if "query" in protocols else "",
        )
    )
    (package / "operations.py").write_text(
        _OPERATIONS.format(request=new.request, result=new.result, name=new.operation)
    )
    return package.name


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("services")
    packages = tuple(write(folder, new) for new in NEW)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        running = Running(Settings(port=0, extra_services=packages), driver=ScriptedDriver())
        yield running
        running.stop()


@pytest.mark.parametrize("new", NEW, ids=lambda new: new.model)
def test_a_folder_and_a_line_are_enough(running: Running, new: New) -> None:
    client = running.client(new.model)
    method = {wire: name for name, wire in client.meta.method_to_api_mapping.items()}
    answer = getattr(client, method[new.operation])(**new.request)
    del answer["ResponseMetadata"]
    assert answer == new.result


# All of S3's other operations are about a bucket.
@pytest.mark.parametrize("new", [n for n in NEW if n.model != "s3"], ids=lambda new: new.model)
def test_its_other_operations_say_that_they_are_not_served(running: Running, new: New) -> None:
    client = running.client(new.model)
    model = client.meta.service_model
    names = {wire: name for name, wire in client.meta.method_to_api_mapping.items()}
    # The first that asks for nothing.
    other = next(
        name
        for name in model.operation_names
        if name != new.operation
        and not (model.operation_model(name).input_shape or _NONE).required_members
    )
    with pytest.raises(ClientError, match=f"does not serve {other} of") as raised:
        getattr(client, names[other])()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
