"""Which operation a request means."""

from __future__ import annotations

import botocore
import pytest

from emulator.model.errors import AwsError
from emulator.wire.model import load
from tests.codecs import codec

LAMBDA = codec("lambda")
S3 = codec("s3")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
ENCODED = ARN.replace(":", "%3A")


@pytest.mark.parametrize("service", ["lambda", "sqs", "logs", "sts"])
def test_snake_names_are_botocores(service: str) -> None:
    for operation in load(service).operations.values():
        assert operation.snake_name == botocore.xform_name(operation.name)


@pytest.mark.parametrize(
    ("method", "path", "query", "name", "params"),
    [
        ("GET", "/2015-03-31/functions", "", "ListFunctions", {}),
        ("POST", "/2015-03-31/functions/", "", "CreateFunction", {}),
        ("GET", f"/2015-03-31/functions/{ENCODED}", "", "GetFunction", {"FunctionName": ARN}),
        ("GET", f"/2015-03-31/functions/{ARN}", "", "GetFunction", {"FunctionName": ARN}),
        (
            "POST",
            "/2015-03-31/functions/f%3Alive/invocations",
            "Qualifier=1",
            "Invoke",
            {"FunctionName": "f:live"},
        ),
        ("GET", f"/2017-03-31/tags/{ENCODED}", "", "ListTags", {"Resource": ARN}),
        (
            "DELETE",
            f"/2017-03-31/tags/{ENCODED}%2Fx",
            "tagKeys=a",
            "UntagResource",
            {"Resource": f"{ARN}/x"},
        ),
        ("GET", "/2018-10-31/layers", "", "ListLayers", {}),
        ("GET", "/2018-10-31/layers", "find=LayerVersion&Arn=x", "GetLayerVersionByArn", {}),
        ("GET", "/2018-10-31/layers", "Arn=x&find=LayerVersion", "GetLayerVersionByArn", {}),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency",
            "List=ALL",
            "ListProvisionedConcurrencyConfigs",
            {"FunctionName": "f"},
        ),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency",
            "Qualifier=1",
            "GetProvisionedConcurrencyConfig",
            {"FunctionName": "f"},
        ),
        # Decoded once: an encoded per cent sign stays one.
        ("GET", "/2015-03-31/functions/a%252Fb", "", "GetFunction", {"FunctionName": "a%2Fb"}),
    ],
)
def test_routes(method: str, path: str, query: str, name: str, params: dict[str, str]) -> None:
    operation, found = LAMBDA.match(method, path, query)
    assert (operation.name, found) == (name, params)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("PATCH", "/2015-03-31/functions"),
        ("GET", "/2015-03-31/functions//aliases"),
        ("GET", "/2015-03-31/functions/f/nonsense"),
        ("GET", "/2015-03-31"),
        ("GET", "/1999-01-01/functions"),
    ],
)
def test_an_unknown_route_is_404(method: str, path: str) -> None:
    with pytest.raises(AwsError) as caught:
        LAMBDA.match(method, path, "")
    assert (caught.value.code, caught.value.status) == ("UnknownOperationException", 404)


def test_a_label_that_is_not_utf8_is_400() -> None:
    with pytest.raises(AwsError) as caught:
        LAMBDA.match("GET", "/2015-03-31/functions/%ff", "")
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_a_greedy_label_takes_the_rest() -> None:
    for path, key in (("a/b%20c", "a/b c"), ("/a", "/a"), ("a/", "a/"), ("a//b//", "a//b//")):
        assert S3.match("GET", f"/b/{path}", "", {})[1] == {"Bucket": "b", "Key": key}


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "name"),
    [
        ("GET", "/", "", (), "ListBuckets"),
        ("GET", "/", "x-id=ListDirectoryBuckets", (), "ListDirectoryBuckets"),
        ("GET", "/b", "", (), "ListObjects"),
        ("GET", "/b/", "list-type=2&prefix=a", (), "ListObjectsV2"),
        ("GET", "/b", "lifecycle", (), "GetBucketLifecycleConfiguration"),
        ("GET", "/b", "lifecycle=", (), "GetBucketLifecycleConfiguration"),
        ("GET", "/b", "analytics", (), "ListBucketAnalyticsConfigurations"),
        ("GET", "/b", "analytics&id=a", (), "GetBucketAnalyticsConfiguration"),
        ("PUT", "/b/k", "", (), "PutObject"),
        ("PUT", "/b/k", "x-id=PutObject", (), "PutObject"),
        ("PUT", "/b/k", "", ("x-amz-copy-source",), "CopyObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", (), "UploadPart"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", ("x-amz-copy-source",), "UploadPartCopy"),
        ("PUT", "/b/k", "acl", (), "PutObjectAcl"),
        ("GET", "/b/k", "uploadId=u", (), "ListParts"),
        ("GET", "/b/k", "attributes", (), "GetObjectAttributes"),
        ("DELETE", "/b/k", "", (), "DeleteObject"),
        ("DELETE", "/b/k", "uploadId=u", (), "AbortMultipartUpload"),
        ("POST", "/b/k", "uploadId=u", (), "CompleteMultipartUpload"),
        ("POST", "/b/k", "uploads", (), "CreateMultipartUpload"),
        ("POST", "/b", "delete", (), "DeleteObjects"),
        ("HEAD", "/b/k", "", (), "HeadObject"),
    ],
)
def test_operations_of_one_path_are_told_apart(
    method: str, path: str, query: str, headers: tuple[str, ...], name: str
) -> None:
    found, _ = S3.match(method, path, query, dict.fromkeys(headers, "x"))
    assert found.name == name


def test_s3_names_an_unknown_route_in_its_words() -> None:
    with pytest.raises(AwsError) as caught:
        S3.match("PATCH", "/b/k", "")
    assert (caught.value.code, caught.value.status) == ("MethodNotAllowed", 405)
