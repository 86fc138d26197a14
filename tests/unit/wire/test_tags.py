"""Tags that no service takes are refused by every operation that gives a resource tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ServiceModel as BotocoreModel
from botocore.session import get_session

from emulator.model import system_tags
from emulator.model.errors import AwsError
from emulator.services.service import Service
from emulator.services.table import SERVICES
from emulator.wire.tags import compile_tags
from emulator.wire.validate import constraint_code

Case = tuple[str, str, str, tuple[str, str] | None]


def _taking_tags(name: str) -> Iterator[Case]:
    """Yield service, operation, member, and what a list calls keys and values, as botocore says."""
    service = Service(f"emulator.services.{name}")
    model: BotocoreModel = get_session().get_service_model(service.spec.model)
    for operation in service.operations:
        shape = model.operation_model(operation).input_shape
        for member, found in (shape.members if shape else {}).items():
            if member.lower() != "tags":
                continue
            if found.type_name == "map":
                yield name, operation, member, None
            elif found.member.type_name == "structure":
                key, value = sorted(found.member.members)
                yield name, operation, member, (key, value)


def _request(member: str, named: tuple[str, str] | None, tags: list[tuple[str, str]]) -> Any:
    if named is None:
        return {member: dict(tags)}
    return {member: [{named[0]: key, named[1]: value} for key, value in tags]}


def _refusal(case: Case, tags: list[tuple[str, str]]) -> AwsError | None:
    name, operation, member, named = case
    codec = Service(f"emulator.services.{name}").codec()
    check = compile_tags(codec.model, codec.operation(operation), constraint_code(codec.model))
    assert check is not None
    try:
        check(_request(member, named, tags))
    except AwsError as error:
        return error
    return None


#: Services whose operations give nothing tags, and S3, whose tags lie deeper and have own rules.
WITHOUT = {"apigatewaymanagementapi", "cloudcontrol", "dynamodbstreams", "s3"}


@pytest.mark.parametrize("name", [each for each in SERVICES if each not in WITHOUT])
def test_reserved_and_repeated_keys_are_refused(name: str) -> None:
    cases = list(_taking_tags(name))
    assert cases
    for case in cases:
        assert _refusal(case, []) is None
        assert _refusal(case, [("a", "1"), ("awsome:x", "aws:y")]) is None
        for key in ("aws:x", "AWS:x", "Aws:"):
            refused = _refusal(case, [("a", "1"), (key, "1")])
            assert refused is not None
            assert refused.status == 400
            assert "aws:" in refused.message
        if case[3] is not None:
            assert _refusal(case, [("a", "1"), ("a", "2")]) is not None


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_the_others_take_none(name: str) -> None:
    assert not list(_taking_tags(name))


def test_only_cloudformation_gives_tags_of_its_own() -> None:
    case = ("secretsmanager", "CreateSecret", "Tags", ("Key", "Value"))
    own = ("aws:cloudformation:stack-name", "s")
    assert _refusal(case, [own]) is not None
    with system_tags.given_by("cloudformation"):
        assert _refusal(case, [own]) is None
        assert _refusal(case, [("aws:other", "s")]) is not None
        # They do not count towards the most that there may be.
        of_api = ("apigateway", "CreateRestApi", "tags", None)
        assert _refusal(of_api, [own, *_many(50)]) is None
        assert _refusal(of_api, [own, *_many(51)]) is not None
    assert _refusal(case, [own]) is not None


@pytest.mark.parametrize("operation", ["CreateRestApi", "CreateStage", "TagResource"])
def test_what_a_model_does_not_bound(operation: str) -> None:
    case = ("apigateway", operation, "tags", None)
    for tags in ([("", "")], [("k" * 129, "")], [("k", "v" * 257)], _many(51)):
        refused = _refusal(case, tags)
        assert refused is not None
        assert refused.code == "BadRequestException"
    assert _refusal(case, [("k" * 128, "v" * 256), *_many(49)]) is None


def test_characters() -> None:
    case = ("stepfunctions", "CreateStateMachine", "tags", ("key", "value"))
    assert _refusal(case, [("größe 1_.:/=+-@", "x y")]) is None
    for tags in ([("a*", "")], [("a", "{}")]):
        refused = _refusal(case, tags)
        assert refused is not None
        assert refused.code == "ValidationException"


def test_letters_in_another_case() -> None:
    for name, operation, same in (("iam", "CreateRole", True), ("sns", "CreateTopic", False)):
        case = (name, operation, "Tags", ("Key", "Value"))
        assert (_refusal(case, [("a", "1"), ("A", "2")]) is not None) == same


def _many(count: int) -> list[tuple[str, str]]:
    return [(str(number), "") for number in range(count)]
