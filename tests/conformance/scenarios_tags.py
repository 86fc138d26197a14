"""Tags."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.conformance.replay import ACCOUNT, REGION, Replay, Scenario

_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}"


def tag_lifecycle(s: Scenario, resource: Callable[[Scenario], str]) -> None:
    arn = resource(s)

    def tag(step: str, **tags: str) -> None:
        s.call(step, "tag_resource", Resource=arn, Tags=tags)
        s.call(f"{step}_listtags", "list_tags", Resource=arn)

    def untag(step: str, *keys: str) -> None:
        s.call(step, "untag_resource", Resource=arn, TagKeys=list(keys))
        s.call(f"{step}_listtags", "list_tags", Resource=arn)

    tag("tag_single_response", A="tag-a")
    tag("tag_multiple_response", B="tag-b", C="tag-c")
    tag("tag_overlap_response", C="tag-c-newsuffix", D="tag-d")
    untag("untag_single_response", "A")
    untag("untag_multiple_response", "B", "C")
    untag("untag_nonexisting_response", "F")
    untag("untag_existing_and_nonexisting_response", "D", "F")


def _function(s: Scenario) -> str:
    return str(s.function()["FunctionArn"])


def _mapping(s: Scenario) -> str:
    created = s.client.create_event_source_mapping(
        FunctionName=s.function()["FunctionName"],
        EventSourceArn=s.queue()[1],
    )
    return str(created["EventSourceMappingArn"])


def tag_exceptions_of(s: Scenario, kind: str) -> None:
    names = {
        "function": "lambda_fn",
        "event-source-mapping": "12345678-1234-1234-1234-123456789012",
        "capacity-provider": "provider",
    }
    name = names[kind]

    def refused(step: str, operation: str, arn: str, **request: object) -> None:
        s.refused(step, operation, Resource=arn, **request)

    arn = f"{_ARN}:{kind}:{name}"
    refused("not_found_exception_tag", "tag_resource", arn, Tags={"A": "B"})
    refused("not_found_exception_untag", "untag_resource", arn, TagKeys=["A"])
    refused("not_found_exception_list", "list_tags", arn)
    refused("aliased_arn_exception", "tag_resource", f"{arn}:alias", Tags={"A": "B"})
    refused("invalid_arn_exception", "tag_resource", f"{_ARN}:foobar:{name}", Tags={"A": "B"})


def tag_nonexisting_resource(s: Scenario) -> None:
    created = s.function()
    name, arn = created["FunctionName"], created["FunctionArn"]
    s.call("pre_delete_get_function", "get_function", FunctionName=name)
    s.client.delete_function(FunctionName=name)
    s.refused("not_found_exception_tag", "tag_resource", Resource=arn, Tags={"A": "B"})
    s.refused("not_found_exception_untag", "untag_resource", Resource=arn, TagKeys=["A"])
    s.refused("not_found_exception_list", "list_tags", Resource=arn)


def create_tag_on_fn_create(s: Scenario) -> None:
    created = s.function(Tags={"testtag": s.name("tag")})
    s.call("get_function_result", "get_function", FunctionName=created["FunctionName"])
    s.call("list_tags_result", "list_tags", Resource=created["FunctionArn"])


def create_tag_on_esm_create(s: Scenario) -> None:
    tags = {"testtag": s.name("tag")}
    created = s.client.create_event_source_mapping(
        FunctionName=s.function()["FunctionName"],
        EventSourceArn=s.queue()[1],
        Tags=tags,
    )
    found = s.client.get_event_source_mapping(UUID=created["UUID"])
    arn = found["EventSourceMappingArn"]
    s.match("get_event_source_mapping_with_tag", arn == created["EventSourceMappingArn"])
    s.call("list_tags_result", "list_tags", Resource=arn)


def tag_exceptions(s: Scenario) -> None:
    created = s.function()
    arn = created["FunctionArn"]
    s.refused(
        "tag_lambda_invalidarn", "tag_resource", Resource="arn:aws:something", Tags={"k": "v"}
    )
    s.refused(
        "tag_lambda_doesnotexist",
        "tag_resource",
        Resource=f"{_ARN}:function:doesnotexist",
        Tags={"k": "v"},
    )
    s.refused("tag_empty_tags", "tag_resource", Resource=arn, Tags={})
    s.refused("untag_empty_keys", "untag_resource", Resource=arn, TagKeys=[])
    s.call("list_tag_lambda_empty", "list_tags", Resource=arn)
    s.refused(
        "tag_lambda_qualifier_doesnotexist",
        "tag_resource",
        Resource=f"{arn}:v1",
        Tags={"key": "value"},
    )
    s.call("untag_nomatch", "untag_resource", Resource=arn, TagKeys=["somekey"])


def tag_limits(s: Scenario) -> None:
    created = s.function()
    name, arn = created["FunctionName"], created["FunctionArn"]
    tags = {f"{number}_key": f"{number}_value" for number in range(50)}
    s.call("tag_response", "tag_resource", Resource=arn, Tags=tags)
    s.call("list_tags_response", "list_tags", Resource=arn)
    s.call("get_fn_response", "get_function", FunctionName=name)
    more = {f"{number}_key": f"{number}_value" for number in range(51)}
    s.refused("tag_lambda_too_many_tags", "tag_resource", Resource=arn, Tags=more)
    one = {"a_key": "a_value"}
    s.refused("tag_lambda_too_many_tags_additional", "tag_resource", Resource=arn, Tags=one)
    try:
        answer = s.create(Tags=more)
    except s.client.exceptions.ClientError as error:
        answer = error.response
    s.match("create_function_invalid_tags", answer)


def tag_versions(s: Scenario) -> None:
    created = s.function()
    arn = created["FunctionArn"]
    version = s.client.publish_version(FunctionName=created["FunctionName"])
    s.refused(
        "tag_resource_exception", "tag_resource", Resource=version["FunctionArn"], Tags={"k": "v"}
    )
    s.refused(
        "tag_resource_latest_exception", "tag_resource", Resource=f"{arn}:$LATEST", Tags={"k": "v"}
    )


def tags_lifecycle(s: Scenario) -> None:
    created = s.function(Tags={"key_a": "value_a"})
    name, arn = created["FunctionName"], created["FunctionArn"]

    def show(when: str) -> None:
        s.call(f"get_fn_response_{when}", "get_function", FunctionName=name)
        s.call(f"list_tags_response_{when}", "list_tags", Resource=arn)

    show("postfncreate")
    more = {"key_b": "value_b", "key_c": "value_c", "key_d": "value_d", "key_e": "value_e"}
    s.call("tag_resource_response", "tag_resource", Resource=arn, Tags=more)
    show("postaddtags")
    over = {"key_b": "value_b", "key_c": "value_x"}
    s.call("tag_resource_overwrite", "tag_resource", Resource=arn, Tags=over)
    show("overwrite")
    s.client.untag_resource(Resource=arn, TagKeys=["key_c", "key_d"])
    show("postuntag")
    s.client.untag_resource(Resource=arn, TagKeys=["key_a", "key_b", "key_e"])
    show("postuntagall")
    s.client.delete_function(FunctionName=name)
    s.refused("list_tags_postdelete", "list_tags", Resource=arn)


SCENARIOS: dict[str, Replay] = {
    "TestLambdaTag::test_create_tag_on_esm_create": create_tag_on_esm_create,
    "TestLambdaTag::test_create_tag_on_fn_create": create_tag_on_fn_create,
    "TestLambdaTag::test_tag_exceptions[capacity_provider]": partial(
        tag_exceptions_of, kind="capacity-provider"
    ),
    "TestLambdaTag::test_tag_exceptions[event_source_mapping]": partial(
        tag_exceptions_of, kind="event-source-mapping"
    ),
    "TestLambdaTag::test_tag_exceptions[lambda_function]": partial(
        tag_exceptions_of, kind="function"
    ),
    "TestLambdaTag::test_tag_lifecycle": partial(tag_lifecycle, resource=_function),
    "TestLambdaTag::test_tag_lifecycle[event_source_mapping]": partial(
        tag_lifecycle, resource=_mapping
    ),
    "TestLambdaTag::test_tag_lifecycle[lambda_function]": partial(
        tag_lifecycle, resource=_function
    ),
    "TestLambdaTag::test_tag_nonexisting_resource": tag_nonexisting_resource,
    "TestLambdaTags::test_tag_exceptions": tag_exceptions,
    "TestLambdaTags::test_tag_lifecycle": tags_lifecycle,
    "TestLambdaTags::test_tag_limits": tag_limits,
    "TestLambdaTags::test_tag_versions": tag_versions,
}
