"""ECR through boto3: repositories and their documents; no images; and in templates."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running

LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countNumber": 365,
                    "countUnit": "days",
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}


@pytest.fixture(scope="module")
def ecr(running: Running) -> Any:
    return running.client("ecr")


def refused(call: Any, code: str, **given: Any) -> str:
    """Return the text of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**given)
    error = raised.value.response["Error"]
    assert error["Code"] == code
    return str(error["Message"])


def test_a_repository(running: Running) -> None:
    # All repositories are listed: those of an account that no other test has.
    account = "111122223333"
    ecr = running.client("ecr", account)
    made = ecr.create_repository(
        repositoryName="shop/web",
        imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": "team", "Value": "shop"}],
    )["repository"]
    arn = f"arn:aws:ecr:us-east-1:{account}:repository/shop/web"
    assert made["repositoryArn"] == arn
    assert made["repositoryUri"] == f"{account}.dkr.ecr.us-east-1.amazonaws.com/shop/web"
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    refused(ecr.create_repository, "RepositoryAlreadyExistsException", repositoryName="shop/web")
    refused(ecr.create_repository, "InvalidParameterException", repositoryName="Shop")
    ecr.put_image_scanning_configuration(
        repositoryName="shop/web", imageScanningConfiguration={"scanOnPush": False}
    )
    ecr.put_image_tag_mutability(repositoryName="shop/web", imageTagMutability="IMMUTABLE")
    found = ecr.describe_repositories(repositoryNames=["shop/web"])["repositories"][0]
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    assert found["imageTagMutability"] == "IMMUTABLE"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "more", "Value": "1"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "more", "Value": "1"}]
    ecr.create_repository(repositoryName="shop/other")
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1})
    names = [each["repositoryName"] for page in pages for each in page["repositories"]]
    assert names == ["shop/other", "shop/web"]
    for name in names:
        ecr.delete_repository(repositoryName=name, force=True)
    text = refused(
        ecr.describe_repositories, "RepositoryNotFoundException", repositoryNames=["shop/web"]
    )
    assert text.endswith(f"does not exist in the registry with id '{account}'")
    ecr.close()


def test_documents(ecr: Any) -> None:
    ecr.create_repository(repositoryName="documents")
    named = {"repositoryName": "documents"}
    refused(ecr.get_lifecycle_policy, "LifecyclePolicyNotFoundException", **named)
    ecr.put_lifecycle_policy(**named, lifecyclePolicyText=LIFECYCLE)
    assert ecr.get_lifecycle_policy(**named)["lifecyclePolicyText"] == LIFECYCLE
    ecr.delete_lifecycle_policy(**named)
    refused(ecr.delete_lifecycle_policy, "LifecyclePolicyNotFoundException", **named)
    refused(ecr.get_repository_policy, "RepositoryPolicyNotFoundException", **named)
    refused(ecr.set_repository_policy, "InvalidParameterException", **named, policyText="{")
    ecr.set_repository_policy(**named, policyText=json.dumps(POLICY))
    assert json.loads(ecr.get_repository_policy(**named)["policyText"]) == POLICY
    ecr.delete_repository_policy(**named)
    refused(ecr.get_repository_policy, "RepositoryPolicyNotFoundException", **named)


def test_a_registry(ecr: Any) -> None:
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == []
    ecr.put_registry_scanning_configuration(scanType="ENHANCED")
    answer = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    assert answer["scanType"] == "ENHANCED"
    refused(ecr.get_registry_policy, "RegistryPolicyNotFoundException")
    ecr.put_registry_policy(policyText=json.dumps(POLICY))
    assert json.loads(ecr.get_registry_policy()["policyText"]) == POLICY
    ecr.delete_registry_policy()
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    assert data["proxyEndpoint"] == "https://000000000000.dkr.ecr.us-east-1.amazonaws.com"


def test_no_images(ecr: Any) -> None:
    ecr.create_repository(repositoryName="empty")
    wanted = {"repositoryName": "empty", "imageIds": [{"imageTag": "latest"}]}
    assert ecr.list_images(repositoryName="empty")["imageIds"] == []
    assert ecr.describe_images(repositoryName="empty")["imageDetails"] == []
    refused(ecr.describe_images, "ImageNotFoundException", **wanted)
    for call in (ecr.batch_get_image, ecr.batch_delete_image):
        assert call(**wanted)["failures"][0]["failureCode"] == "ImageNotFound"
    text = refused(ecr.initiate_layer_upload, "NotImplementedException", repositoryName="empty")
    assert "its repositories hold no images" in text


def test_in_a_stack(running: Running, ecr: Any) -> None:
    cloudformation = running.client("cloudformation")

    def body(**properties: Any) -> str:
        resource = {"Type": "AWS::ECR::Repository", "Properties": properties}
        outputs = {"Uri": {"Value": {"Fn::GetAtt": ["Images", "RepositoryUri"]}}}
        return json.dumps({"Resources": {"Images": resource}, "Outputs": outputs})

    ecr.create_repository(repositoryName="of-no-stack")
    first = body(
        RepositoryName="images",
        LifecyclePolicy={"LifecyclePolicyText": LIFECYCLE},
        RepositoryPolicyText=POLICY,
        ImageScanningConfiguration={"ScanOnPush": "true"},
    )
    cloudformation.create_stack(StackName="registry", TemplateBody=first)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="registry")
    stack = cloudformation.describe_stacks(StackName="registry")["Stacks"][0]
    uri = "000000000000.dkr.ecr.us-east-1.amazonaws.com/images"
    assert stack["Outputs"][0]["OutputValue"] == uri
    named = {"repositoryName": "images"}
    assert json.loads(ecr.get_repository_policy(**named)["policyText"]) == POLICY
    assert ecr.get_lifecycle_policy(**named)["lifecyclePolicyText"] == LIFECYCLE
    second = body(
        RepositoryName="images", ImageTagMutability="IMMUTABLE", Tags=[{"Key": "a", "Value": "b"}]
    )
    cloudformation.update_stack(StackName="registry", TemplateBody=second)
    cloudformation.get_waiter("stack_update_complete").wait(StackName="registry")
    found = ecr.describe_repositories(repositoryNames=["images"])["repositories"][0]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    refused(ecr.get_repository_policy, "RepositoryPolicyNotFoundException", **named)
    refused(ecr.get_lifecycle_policy, "LifecyclePolicyNotFoundException", **named)
    cloudformation.delete_stack(StackName="registry")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="registry")
    ecr.delete_repository(repositoryName="of-no-stack")
    refused(ecr.describe_repositories, "RepositoryNotFoundException", repositoryNames=["images"])
