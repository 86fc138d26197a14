"""Updates of resource types from one way of being to another, where the two do not go together."""

from __future__ import annotations

from typing import Any

from tests.api.stacks import Stacks


def updated(stacks: Stacks, name: str, kind: str, *states: dict[str, Any]) -> str:
    """Make a resource with the first properties, give it the others; returns its physical id."""
    made = ""
    for number, properties in enumerate(states):
        change = stacks.update if number else stacks.create
        stack = change(name, {"R": {"Type": kind, "Properties": properties}})
        done = "UPDATE_COMPLETE" if number else "CREATE_COMPLETE"
        assert stack["StackStatus"] == done, (properties, stacks.reasons(name))
        physical = stacks.physical(name)["R"]
        assert made in ("", physical)
        made = physical
    return made


def test_a_queue_gets_a_key_in_place_of_the_encryption_of_sqs(stacks: Stacks) -> None:
    managed, key = {"SqsManagedSseEnabled": True}, {"KmsMasterKeyId": "alias/aws/sqs"}
    url = updated(stacks, "encrypted", "AWS::SQS::Queue", managed, key)
    sqs = stacks.running.client("sqs")

    def found() -> tuple[str | None, str | None]:
        said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return said.get("SqsManagedSseEnabled"), said.get("KmsMasterKeyId")

    assert found() == ("false", "alias/aws/sqs")
    resource = {"Type": "AWS::SQS::Queue", "Properties": managed}
    assert stacks.update("encrypted", {"R": resource})["StackStatus"] == "UPDATE_COMPLETE"
    assert found() == ("true", None)


def test_a_key_may_be_given_what_it_is_by_default(stacks: Stacks) -> None:
    said = {
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Origin": "AWS_KMS",
    }
    updated(stacks, "usual-key", "AWS::KMS::Key", {}, said, {**said, "MultiRegion": "false"}, {})
    key = {"Type": "AWS::KMS::Key", "Properties": {**said, "KeySpec": "RSA_2048"}}
    stack = stacks.update("usual-key", {"R": key})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons("usual-key")
    assert any("You cannot change the KeySpec" in each for each in stacks.reasons("usual-key"))


def test_an_api_leaves_its_network_and_comes_back(stacks: Stacks) -> None:
    def within(*ids: str) -> dict[str, Any]:
        endpoint = {"Types": ["PRIVATE"], "VpcEndpointIds": list(ids)}
        return {"Name": "moved", "EndpointConfiguration": endpoint}

    regional = {"Name": "moved", "EndpointConfiguration": {"Types": ["REGIONAL"]}}
    api = stacks.running.client("apigateway")
    api_id = updated(
        stacks, "moved", "AWS::ApiGateway::RestApi", within("vpce-1", "vpce-2"), regional
    )
    found = api.get_rest_api(restApiId=api_id)["endpointConfiguration"]
    assert found["types"] == ["REGIONAL"]
    assert found["ipAddressType"] == "ipv4"
    assert not found.get("vpcEndpointIds")
    for ids in (["vpce-1"], ["vpce-2", "vpce-3"]):
        stacks.update(
            "moved", {"R": {"Type": "AWS::ApiGateway::RestApi", "Properties": within(*ids)}}
        )
        found = api.get_rest_api(restApiId=api_id)["endpointConfiguration"]
        assert found == {
            "types": ["PRIVATE"], "ipAddressType": "dualstack", "vpcEndpointIds": ids
        }  # fmt: skip


def test_an_api_whose_definition_said_its_endpoint_gets_another(stacks: Stacks) -> None:
    body = {"swagger": "2.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    said = {"Body": body, "Parameters": {"endpointConfigurationTypes": "REGIONAL"}}
    # A template may have one text for a list of one.
    edge = {"Body": body, "EndpointConfiguration": {"Types": "EDGE"}}
    api_id = updated(stacks, "defined", "AWS::ApiGateway::RestApi", said, edge)
    found = stacks.running.client("apigateway").get_rest_api(restApiId=api_id)
    assert found["endpointConfiguration"]["types"] == ["EDGE"]
    wrong = {"Body": body, "EndpointConfiguration": ["REGIONAL"]}
    resource = {"Type": "AWS::ApiGateway::RestApi", "Properties": wrong}
    stack = stacks.update("defined", {"R": resource})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons("defined")
    assert any("Expected map or null" in each for each in stacks.reasons("defined"))


def test_a_domain_name_without_an_endpoint_is_at_the_edge(stacks: Stacks) -> None:
    name = {"DomainName": "moved.example.com"}
    endpoint = {"Types": ["REGIONAL"], "IpAddressType": "dualstack"}
    api = stacks.running.client("apigateway")

    def found() -> tuple[list[str], str]:
        said = api.get_domain_name(domainName="moved.example.com")["endpointConfiguration"]
        return said["types"], said["ipAddressType"]

    kind = "AWS::ApiGateway::DomainName"
    updated(stacks, "named", kind, name, {**name, "EndpointConfiguration": endpoint})
    assert found() == (["REGIONAL"], "dualstack")
    assert (
        stacks.update("named", {"R": {"Type": kind, "Properties": name}})["StackStatus"]
        == "UPDATE_COMPLETE"
    )
    assert found() == (["EDGE"], "ipv4")


def test_the_tags_of_a_stack_take_no_room_from_those_of_a_bucket(stacks: Stacks) -> None:
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    bucket = updated(stacks, "tagged-fully", "AWS::S3::Bucket", {"Tags": tags})
    found = stacks.running.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert len(found) == 53
