"""AWS services that are not served yet: each answers boto3 once it has a folder and a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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
    #: Another operation that asks for nothing, if it has one.
    other: str = ""


#: Services that nobody misses here, of every protocol that AWS's services have by themselves.
NEW = [
    # Two with one name in signatures.
    New(
        "appconfig",
        "GetApplication",
        {"ApplicationId": "abcdefg"},
        {"Id": "abcdefg", "Name": "one"},
        r"/(applications|settings|extensions|tags)(/.*)?",
        other="GetAccountSettings",
    ),
    New(
        "appconfigdata",
        "StartConfigurationSession",
        {
            "ApplicationIdentifier": "a",
            "EnvironmentIdentifier": "e",
            "ConfigurationProfileIdentifier": "p",
        },
        {"InitialConfigurationToken": "t"},
        r"/configuration(sessions)?",
    ),
    New("appmesh", "ListMeshes", {"limit": 1}, {"meshes": []}),
    New(
        "cloudfront",
        "GetDistribution",
        {"Id": "d"},
        {"Distribution": {"Id": "d", "Status": "Deployed"}, "ETag": "e"},
        other="DeleteRealtimeLogConfig",
    ),
    New(
        "comprehend",
        "DetectDominantLanguage",
        {"Text": "Hello"},
        {"Languages": [{"Score": 0.5}]},
        other="DetectEntities",
    ),
    New(
        "elasticache",
        "DescribeCacheClusters",
        {},
        {"CacheClusters": [{"NumCacheNodes": 1}]},
        other="CompleteMigration",
    ),
    New(
        "glue", "ListCrawlers", {"MaxResults": 1}, {"CrawlerNames": ["c"]}, other="CreateClassifier"
    ),
    New(
        "redshift",
        "DescribeTags",
        {"ResourceName": "r"},
        {"Marker": "m"},
        other="CreateSnapshotSchedule",
    ),
    New("route53", "GetHostedZoneCount", {}, {"HostedZoneCount": 3}, other="GetCheckerIpRanges"),
]

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
            signing_names=(signing_name,),
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


@pytest.mark.parametrize("new", [each for each in NEW if each.other], ids=lambda new: new.model)
def test_its_other_operations_say_that_they_are_not_served(running: Running, new: New) -> None:
    client = running.client(new.model)
    methods = {wire: method for method, wire in client.meta.method_to_api_mapping.items()}
    with pytest.raises(ClientError, match=f"does not serve {new.other} of") as raised:
        getattr(client, methods[new.other])()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
