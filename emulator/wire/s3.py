"""S3's flavour of rest-xml.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire.deviations import Deviations, Shape
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.validate import Checks, Validator

#: The member that a violation is about.
_PATH = re.compile(r"Value.* at '([^']+)' failed to satisfy", re.DOTALL)
_MALFORMED = (
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
)


#: What S3 says of the values of headers: by member, the message, and the header where it is named.
_HEADERS = {
    "ACL": ("", "x-amz-acl"),
    "ChecksumAlgorithm": (
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types:"
        " [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        "",
    ),
    "ChecksumType": ("Value for x-amz-checksum-type header is invalid.", ""),
    "CopySource": (
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        "x-amz-copy-source",
    ),
    "MetadataDirective": ("Unknown metadata directive.", "x-amz-metadata-directive"),
    "ObjectAttributes": ("Invalid attribute name specified.", "x-amz-object-attributes"),
    "ServerSideEncryption": (
        "The encryption method specified is not supported",
        "x-amz-server-side-encryption",
    ),
    "TaggingDirective": ("Unknown tagging directive.", "x-amz-tagging-directive"),
}

_NO_ATTRIBUTES = (
    "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing"
    " or empty"
)


def _refuse_header(member: str, value: Any, violation: str) -> AwsError:
    """Return the error of a header's value: its own, where it has one."""
    if member == "ObjectAttributes" and value is None:
        return AwsError("InvalidRequest", _NO_ATTRIBUTES, status=400)
    if member not in _HEADERS or value is None:
        return AwsError("InvalidArgument", violation, status=400)
    message, header = _HEADERS[member]
    if not header:
        return AwsError("InvalidRequest", message, status=400)
    text = ",".join(value) if isinstance(value, list) else str(value)
    return AwsError("InvalidArgument", message, status=400, ArgumentName=header, ArgumentValue=text)


#: Operations whose body may be empty: headers say it, or nothing is what they mean.
_MAY_BE_EMPTY = frozenset({"CreateBucket", "PutBucketAcl", "PutObjectAcl", "PutObjectRetention"})


def _compile_validator(model: ServiceModel, operation: Operation) -> Validator:
    """Make the validator of an operation.

    S3 has no sentences for violated constraints: a body that violates one is malformed, anything
    else is an invalid argument.
    """
    shape = model.shapes[operation.input] if operation.input else {"members": {}}
    check = Checks(model).check(operation.input) if operation.input else None
    members, payload = shape["members"], shape.get("payload")
    needs_body = (
        payload is not None
        and model.shapes[members[payload]["shape"]]["type"] == "structure"
        and payload not in shape.get("required", ())
        and operation.name not in _MAY_BE_EMPTY
    )
    by_path = {name[:1].lower() + name[1:]: name for name in members}

    def validate(request: Mapping[str, Any]) -> None:
        if needs_body and payload not in request:
            raise AwsError("MissingRequestBodyError", "Request Body is empty", status=400)
        violations: list[str] = []
        if check is not None:
            check(request, "", violations)
        if not violations:
            return
        paths = [_PATH.match(violation) for violation in violations]
        named = [by_path.get(path[1].partition(".")[0], "") if path else "" for path in paths]
        if any(name and "location" not in members[name] for name in named):
            raise AwsError(*_MALFORMED, status=400)
        raise _refuse_header(named[0], request.get(named[0]), violations[0])

    return validate


def _not_a_number(parameter: str, text: str) -> AwsError:
    """Return the error of a query parameter that is no number."""
    message = f"Provided {parameter} not an integer or within integer range"
    if parameter == "partNumber":
        message = "Part number must be an integer between 1 and 10000, inclusive"
    return AwsError(
        "InvalidArgument", message, status=400, ArgumentName=parameter, ArgumentValue=text
    )


def _adapt(shapes: dict[str, Shape]) -> None:
    """Let the operation refuse events and the like that there are not: it has words for them.

    Buckets take lists by names that the model lacks: "log-delivery-write".
    """
    for name in ("Event", "FilterRuleName", "BucketCannedACL", "Permission", "Protocol", "Type"):
        del shapes[name]["enum"]


_LISTS = ("ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2")

DEVIATIONS = Deviations(
    # Each has an error of its own, which names the header or parameter.
    checked_by_operation=frozenset(
        {
            *((f"{name}Request", "EncodingType") for name in _LISTS),
            ("CreateBucketRequest", "ObjectOwnership"),
            ("PutObjectRequest", "ObjectLockMode"),
            ("PutObjectRequest", "ObjectLockLegalHoldStatus"),
            ("CreateBucketConfiguration", "LocationConstraint"),
            *(
                (f"{name}Request", "StorageClass")
                for name in ("CopyObject", "CreateMultipartUpload", "PutObject")
            ),
        }
    ),
    adapt=_adapt,
    xml_namespace="http://s3.amazonaws.com/doc/2006-03-01/",
    bare_errors=True,
    whole_signatures=True,
    request_id_headers=("x-amz-request-id", "x-amz-id-2"),
    malformed=_MALFORMED,
    not_a_number=_not_a_number,
    validator=_compile_validator,
    unknown_route=(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
    ),
    blob_content_type="binary/octet-stream",
    # The names that the protocol's published answers have:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
    root_names={
        "CompleteMultipartUpload": "CompleteMultipartUploadResult",
        "CreateMultipartUpload": "InitiateMultipartUploadResult",
        "CreateSession": "CreateSessionResult",
        "DeleteObjects": "DeleteResult",
        "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
        "GetBucketAcl": "AccessControlPolicy",
        "GetBucketCors": "CORSConfiguration",
        "GetBucketLifecycle": "LifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
        "GetBucketLocation": "LocationConstraint",
        "GetBucketLogging": "BucketLoggingStatus",
        "GetBucketNotification": "NotificationConfiguration",
        "GetBucketNotificationConfiguration": "NotificationConfiguration",
        "GetBucketRequestPayment": "RequestPaymentConfiguration",
        "GetBucketTagging": "Tagging",
        "GetBucketVersioning": "VersioningConfiguration",
        "GetBucketWebsite": "WebsiteConfiguration",
        "GetObjectAcl": "AccessControlPolicy",
        "GetObjectAttributes": "GetObjectAttributesResponse",
        "GetObjectTagging": "Tagging",
        "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
        "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
        "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
        "ListBuckets": "ListAllMyBucketsResult",
        "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
        "ListMultipartUploads": "ListMultipartUploadsResult",
        "ListObjectVersions": "ListVersionsResult",
        "ListObjects": "ListBucketResult",
        "ListObjectsV2": "ListBucketResult",
        "ListParts": "ListPartsResult",
    },
    unwrapped=frozenset({"GetBucketLocation"}),
)
