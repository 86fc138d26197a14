"""What holds for every service: one folder, one line, and nothing known of it elsewhere."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import botocore.session
import pytest

from emulator.services.service import Service
from emulator.services.spec import OptionalModule
from emulator.services.table import SERVICES, Table
from emulator.wire.deviations import Deviations

TESTS = Path(__file__).parents[1]
EMULATOR = TESTS.parent / "emulator"
TABLE = Table()

#: What the modules of a folder must have in them.
_CONTENTS = {
    "state": ("open",),
    "kinds": ("KINDS",),
    "delivers": ("place", "deliver"),
    "source": ("open",),
    "wire": ("DEVIATIONS",),
}

every_service = pytest.mark.parametrize("service", TABLE.services, ids=lambda each: each.spec.model)


def test_the_table_names_every_folder_in_order() -> None:
    folders = [path.parent.name for path in (EMULATOR / "services").glob("*/spec.py")]
    assert list(SERVICES) == sorted(folders)


@every_service
async def test_what_a_service_keeps_can_be_reset(service: Service) -> None:
    if "state" in service.spec.modules:
        module = service.module("state")
        made = get_type_hints(module.open, vars(module) | {"Parts": object})["return"]
        for method in (made.reset, made.close):
            assert inspect.iscoroutinefunction(method)
        assert list(inspect.signature(made.reset).parameters) == ["self", "account"]


@every_service
def test_served_and_unsupported_are_the_whole_model(service: Service) -> None:
    model = service.codec().operations
    unsupported = service.unsupported_operations
    assert service.operations.keys().isdisjoint(unsupported)
    assert service.operations.keys() | unsupported.keys() == model.keys()
    assert [text for text in unsupported.values() if "localfaas does not serve" not in text] == []


@every_service
def test_operations_are_in_order_and_named_by_rule(service: Service) -> None:
    model = service.codec().operations
    assert list(service.operations) == sorted(service.operations)
    assert {name: each.__name__ for name, each in service.operations.items()} == {
        name: model[name].snake_name for name in service.operations
    }


@every_service
def test_a_spec_says_what_the_model_says(service: Service) -> None:
    spec = service.spec
    metadata = botocore.session.get_session().get_service_model(spec.model).metadata
    assert spec.signing_names[0] == metadata.get("signingName", metadata["endpointPrefix"])
    # The older protocol of a service that came from it is in no model of today.
    known = {
        *metadata.get("protocols", [metadata["protocol"]]),
        *(["query"] if "awsQueryCompatible" in metadata else []),
    }
    assert metadata["protocol"] == spec.protocols[0]
    assert set(spec.protocols) <= known
    targeted = {"json", "smithy-rpc-v2-cbor"} & set(spec.protocols)
    assert spec.target_prefix == (metadata["targetPrefix"] if targeted else "")
    assert spec.query_version == (metadata["apiVersion"] if "query" in spec.protocols else "")


@every_service
def test_a_spec_says_which_modules_its_folder_has(service: Service) -> None:
    folder = Path(*service.package.split("."))
    there = [
        name for name in get_args(OptionalModule) if (TESTS.parent / folder / f"{name}.py").exists()
    ]
    assert sorted(service.spec.modules) == sorted(there)
    for name in there:
        assert name not in _CONTENTS or any(
            hasattr(service.module(name), one) for one in _CONTENTS[name]
        )
    if "wire" in there:
        assert isinstance(service.module("wire").DEVIATIONS, Deviations)
    assert bool(service.spec.template_prefix) == ("kinds" in there)
    assert "state" in there or not (service.spec.opens_at_start or service.spec.opens_for)
    assert service.spec.arn_name or not {"delivers", "source"} & set(there)


@pytest.mark.parametrize("field", ["model", "title", "arn_name", "target_prefix", "query_version"])
def test_no_two_services_are_told_by_the_same(field: str) -> None:
    told = [value for each in TABLE.services if (value := getattr(each.spec, field))]
    assert len(told) == len(set(told))


def test_what_serves_all_services_names_none() -> None:
    names = {
        name
        for each in TABLE.services
        for name in (
            each.spec.model,
            *each.spec.signing_names,
            each.spec.arn_name,
            each.spec.target_prefix,
            each.spec.query_version,
            each.spec.title,
        )
        if name
    }
    shared = [
        *EMULATOR.glob("edge/*.py"),
        *(path for path in EMULATOR.glob("services/*.py") if path.name != "table.py"),
        *(
            path
            for room in ("invoke", "sources", "wire")
            for path in EMULATOR.glob(f"{room}/**/*.py")
        ),
    ]
    found = {
        f"{path.relative_to(EMULATOR)}:{node.lineno}: {node.value}"
        for path in shared
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert found == set()


@cache
def _words_in_tests() -> frozenset[str]:
    folders = ("api", "acceptance", "conformance", "unit")
    paths = [path for folder in folders for path in (TESTS / folder).rglob("*.py")]
    return frozenset(re.findall(r'"?\w+"?', "\n".join(path.read_text() for path in paths)))


@every_service
def test_every_operation_is_called_by_a_test(service: Service) -> None:
    words = _words_in_tests()
    model = service.codec().operations
    missing = [
        name
        for name in service.operations
        if not words & {snake := model[name].snake_name, f'"{snake}"', f'"{name}"'}
    ]
    assert missing == []


#: Where documents say how many of a service's operations are served.
_STATED = [
    ("SPECIFICATION.md", "{} of CloudWatch's {} operations are served", "cloudwatch"),
    ("SPECIFICATION.md", "{} of Kinesis's {} operations are served", "kinesis"),
    ("SPECIFICATION.md", "{} of the {} operations of API Gateway v2 are served", "apigatewayv2"),
    ("SPECIFICATION.md", "{} of DynamoDB's {} operations", "dynamodb"),
    ("SPECIFICATION.md", "{} of its streams' {}", "dynamodbstreams"),
    ("SPECIFICATION.md", "{} of Secrets Manager's {}", "secretsmanager"),
    ("SPECIFICATION.md", "{} of Systems Manager's {}", "ssm"),
    ("SPECIFICATION.md", "{} of KMS's {}", "kms"),
    ("SPECIFICATION.md", "{} of X-Ray's {}", "xray"),
    ("docs/metrics.md", "{} of the {} operations are served", "cloudwatch"),
    ("docs/streams.md", "serves {} of the {} operations", "kinesis"),
    ("docs/rest-apis.md", "{} of {} operations", "apigateway"),
    ("docs/events.md", "Served are {} of {} operations", "events"),
    ("docs/events.md", "{} of {} operations are served", "sns"),
]


@pytest.mark.parametrize(
    ("path", "words", "model"), _STATED, ids=[f"{p}-{m}" for p, _, m in _STATED]
)
def test_documents_count_operations_as_they_are(path: str, words: str, model: str) -> None:
    (service,) = (each for each in TABLE.services if each.spec.model == model)
    text = " ".join((EMULATOR.parent / path).read_text().split())
    found = re.findall(words.format(r"\b(\d+)", r"(\d+)\b"), text)
    expected = (str(len(service.operations)), str(len(service.codec().operations)))
    assert expected in found
