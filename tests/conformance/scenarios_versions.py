"""Versions and aliases."""

from __future__ import annotations

from tests.conformance.replay import ECHO, Replay, Scenario, zip_of

_STAGING = {"Variables": {"testenv": "staging"}}
_PROD = {"Variables": {"testenv": "prod"}}


def publish_version_on_create(s: Scenario) -> None:
    name = s.match("create_response", s.create(Publish=True))["FunctionName"]
    s.active(name)
    s.call("get_function_result", "get_function", FunctionName=name)
    s.call("get_function_version_result", "get_function", FunctionName=name, Qualifier="1")
    s.call("get_function_latest_result", "get_function", FunctionName=name, Qualifier="$LATEST")
    s.call("list_versions_result", "list_versions_by_function", FunctionName=name)
    s.call("repeated_publish_response", "publish_version", FunctionName=name, Description="again")
    s.call("list_versions_result_after_publish", "list_versions_by_function", FunctionName=name)


def version_lifecycle(s: Scenario) -> None:
    created = s.match("create_response", s.create(Description="No version :("))
    name = created["FunctionName"]
    s.active(name)
    s.call("get_function_result", "get_function", FunctionName=name)
    s.call("list_versions_result", "list_versions_by_function", FunctionName=name)
    update = "update_function_configuration"
    s.call("first_update_response", update, FunctionName=name, Description="First version :)")
    s.updated(name)
    s.call("first_update_get_function", "get_function", FunctionName=name)
    first = "First version description :)"
    s.call("first_publish_response", "publish_version", FunctionName=name, Description=first)
    s.client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
    s.call("first_publish_get_function", "get_function", FunctionName=name, Qualifier="1")
    s.call(
        "first_publish_get_function_config",
        "get_function_configuration",
        FunctionName=name,
        Qualifier="1",
    )
    s.call("second_update_response", update, FunctionName=name, Description="Second version :))")
    s.updated(name)
    s.call(
        "first_publish_get_function_after_update", "get_function", FunctionName=name, Qualifier="1"
    )
    s.call("second_publish_response", "publish_version", FunctionName=name)
    s.call("third_publish_response", "publish_version", FunctionName=name, Description="no change")
    s.call(
        "list_versions_result_after_third_publish", "list_versions_by_function", FunctionName=name
    )
    s.client.delete_function(FunctionName=name, Qualifier="1")
    s.call(
        "list_versions_result_after_deletion_of_first_version",
        "list_versions_by_function",
        FunctionName=name,
    )


def publish_with_wrong_sha256(s: Scenario) -> None:
    name = s.match("create_response", s.create())["FunctionName"]
    s.active(name)
    found = s.call("get_fn_response", "get_function", FunctionName=name)
    s.refused(
        "publish_wrong_sha256_exc",
        "publish_version",
        FunctionName=name,
        CodeSha256="somenonexistentsha256",
    )
    digest = found["Configuration"]["CodeSha256"]
    s.call("publish_result", "publish_version", FunctionName=name, CodeSha256=digest)


def publish_with_wrong_revisionid(s: Scenario) -> None:
    name = s.match("create_response", s.create(Runtime="python3.9"))["FunctionName"]
    s.active(name)
    found = s.call("get_fn_response", "get_function", FunctionName=name)
    s.refused(
        "publish_wrong_revisionid_exc",
        "publish_version",
        FunctionName=name,
        RevisionId="00000000-0000-0000-0000-000000000000",
    )
    revision = found["Configuration"]["RevisionId"]
    s.call("publish_result", "publish_version", FunctionName=name, RevisionId=revision)


def publish_with_update(s: Scenario) -> None:
    name = s.match("create_response", s.create())["FunctionName"]
    s.active(name)
    s.call("get_function_result", "get_function", FunctionName=name)
    code = zip_of(index__py=ECHO + "\n")
    s.call(
        "update_function_code_result",
        "update_function_code",
        FunctionName=name,
        ZipFile=code,
        Publish=True,
    )
    s.call("get_function_version_result", "get_function", FunctionName=name, Qualifier="1")
    s.call("get_function_latest_result", "get_function", FunctionName=name, Qualifier="$LATEST")


def alias_lifecycle(s: Scenario) -> None:
    name = s.match("create_response", s.create(Environment=_STAGING))["FunctionName"]
    s.active(name)
    s.call("publish_v1", "publish_version", FunctionName=name)
    s.client.update_function_configuration(FunctionName=name, Environment=_PROD)
    s.updated(name)
    s.call("publish_v2", "publish_version", FunctionName=name)
    common = {"FunctionName": name, "FunctionVersion": "1"}
    s.call(
        "create_alias_1_1",
        "create_alias",
        **common,
        Name="aliasname1_1",
        Description="custom-alias",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}},
    )
    s.call("get_alias_1_1", "get_alias", FunctionName=name, Name="aliasname1_1")
    found = s.client.get_function(FunctionName=name, Qualifier="aliasname1_1")
    s.match("get_function_alias_1_1", found)
    arn = found["Configuration"]["FunctionArn"]
    s.call("get_function_byarn_alias_1_1", "get_function", FunctionName=arn)
    s.refused(
        "get_function_alias_notfound_exc",
        "get_function",
        FunctionName=name,
        Qualifier="aliasdoesnotexist",
    )
    s.refused(
        "get_function_alias_byarn_notfound_exc",
        "get_function",
        FunctionName=arn.replace("aliasname1_1", "aliasdoesnotexist"),
    )
    s.call(
        "create_alias_1_2",
        "create_alias",
        **common,
        Name="aliasname1_2",
        Description="custom-alias",
    )
    s.call("get_alias_1_2", "get_alias", FunctionName=name, Name="aliasname1_2")
    s.call("create_alias_1_3", "create_alias", **common, Name="aliasname1_3")
    s.call("get_alias_1_3", "get_alias", FunctionName=name, Name="aliasname1_3")
    s.call(
        "create_alias_2",
        "create_alias",
        FunctionName=name,
        FunctionVersion="2",
        Name="aliasname2",
        Description="custom-alias",
    )
    s.call("get_alias_2", "get_alias", FunctionName=name, Name="aliasname2")
    pages = s.client.get_paginator("list_aliases").paginate(FunctionName=name)
    s.match("list_aliases_for_fnname", {"Aliases": pages.build_full_result()["Aliases"]})
    s.call(
        "update_alias_1_1",
        "update_alias",
        FunctionName=name,
        Name="aliasname1_1",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    s.call("get_alias_1_1_after_update", "get_alias", FunctionName=name, Name="aliasname1_1")
    s.call("list_aliases_for_fnname_after_update", "list_aliases", FunctionName=name)
    s.call("update_alias_1_2", "update_alias", FunctionName=name, Name="aliasname1_2")
    s.call("get_alias_1_2_after_update", "get_alias", FunctionName=name, Name="aliasname1_2")
    s.call("list_aliases_for_fnname_after_update_2", "list_aliases", FunctionName=name)
    s.call("list_aliases_for_version", "list_aliases", **common)
    s.call("delete_alias_response", "delete_alias", FunctionName=name, Name="aliasname1_1")
    s.call("list_aliases_for_fnname_afterdelete", "list_aliases", FunctionName=name)


def alias_naming(s: Scenario) -> None:
    name = s.match("create_response", s.create(Environment=_STAGING))["FunctionName"]
    s.active(name)
    s.call("publish_v1", "publish_version", FunctionName=name)
    common = {"FunctionName": name, "FunctionVersion": "1", "Description": "custom-alias"}
    s.refused("create_alias_number_exception", "create_alias", **common, Name="2024")
    s.call("create_alias_date", "create_alias", **common, Name="2024-01-02")
    s.call("get_alias_date", "get_alias", FunctionName=name, Name="2024-01-02")


def non_existent_alias_deletion(s: Scenario) -> None:
    name = s.match("create_response", s.create(Environment=_STAGING))["FunctionName"]
    s.call("delete_alias_response", "delete_alias", FunctionName=name, Name="non-existent")


def non_existent_alias_update(s: Scenario) -> None:
    name = s.match("create_response", s.create(Environment=_STAGING))["FunctionName"]
    s.refused("update_alias_response", "update_alias", FunctionName=name, Name="non-existent")


def notfound_and_invalid_routingconfigs(s: Scenario) -> None:
    created = s.create(Environment=_STAGING, Publish=True)
    name = s.match("create_response", created)["FunctionName"]
    s.active(name)
    s.call("publish_v1", "publish_version", FunctionName=name)
    s.client.update_function_configuration(FunctionName=name, Environment=_PROD)
    s.updated(name)
    s.call("publish_v2", "publish_version", FunctionName=name)

    def refused(step: str, weights: dict[str, float] | None, **changes: str) -> None:
        request = {"FunctionName": name, "FunctionVersion": "1", "Name": "custom", **changes}
        if weights is not None:
            request["RoutingConfig"] = {"AdditionalVersionWeights": weights}
        s.call(step, "create_alias", **request)

    refused("routing_config_exc_toomany", {"1": 0.8, "2": 0.2})
    refused("routing_config_exc_toohigh", {"2": 2})
    refused("routing_config_exc_subzero", {"2": -1})
    refused("routing_config_exc_sameversion", {"1": 0.5})
    refused("target_version_doesnotexist", {"2": 0.5}, FunctionVersion="10")
    refused("routing_config_exc_version_doesnotexist", {"10": 0.5})
    refused("target_version_exc_version_latest", {"1": 0.5}, FunctionVersion="$LATEST")
    refused("routing_config_exc_version_latest", {"$LATEST": 0.5})
    refused("create-alias-latest", None, FunctionVersion="$LATEST", Name="custom-latest")
    refused("routing_config_exc_fn_doesnotexist", {"2": 0.5}, FunctionName=f"{name}-unknown")
    s.call(
        "create_alias_empty_routingconfig",
        "create_alias",
        FunctionName=name,
        FunctionVersion="1",
        Name="custom-empty-routingconfig",
        RoutingConfig={},
    )
    refused("create_alias_response", {"2": 0.5})
    refused("routing_config_exc_already_exist", {"2": 0.5})
    s.refused("alias_does_not_exist_esc", "get_alias", FunctionName=name, Name="non-existent")


SCENARIOS: dict[str, Replay] = {
    "TestLambdaAlias::test_alias_lifecycle": alias_lifecycle,
    "TestLambdaAlias::test_alias_naming": alias_naming,
    "TestLambdaAlias::test_non_existent_alias_deletion": non_existent_alias_deletion,
    "TestLambdaAlias::test_non_existent_alias_update": non_existent_alias_update,
    "TestLambdaAlias::test_notfound_and_invalid_routingconfigs": (
        notfound_and_invalid_routingconfigs
    ),
    "TestLambdaVersions::test_publish_version_on_create": publish_version_on_create,
    "TestLambdaVersions::test_publish_with_update": publish_with_update,
    "TestLambdaVersions::test_publish_with_wrong_revisionid": publish_with_wrong_revisionid,
    "TestLambdaVersions::test_publish_with_wrong_sha256": publish_with_wrong_sha256,
    "TestLambdaVersions::test_version_lifecycle": version_lifecycle,
}
