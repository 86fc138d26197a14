"""What goes with a function's package: an archive has a runtime, a container image brings its own.

https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.services.lambda_.errors import invalid

_OF_ARCHIVES = ("Runtime", "Handler", "Layers")
_IN_BUCKETS = ("S3Bucket", "S3Key", "S3ObjectVersion")


def check_new(request: Mapping[str, Any]) -> None:
    """Check the package of a CreateFunction request, as its users report AWS to.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    code: Mapping[str, Any] = request["Code"]
    if request.get("PackageType") == "Image":
        if not code.get("ImageUri"):
            raise invalid("Please provide ImageUri when PackageType is Image.")
        if any(request.get(member) for member in _OF_ARCHIVES):
            raise _not_of_images()
        if any(code.get(member) for member in _IN_BUCKETS):
            raise invalid(
                "Please don't provide S3Bucket or S3Key or S3ObjectVersion when the intended "
                "function PackageType is Image."
            )
        return
    if not (request.get("Runtime") and request.get("Handler")):
        raise invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    if code.get("ImageUri") and code.get("ZipFile") is None:
        if not code.get("S3Bucket"):
            raise invalid("Please provide a source for function code.")
        raise invalid(
            "Please don't provide ImageUri when the intended function PackageType is Zip."
        )
    _refuse_image_config(request)


def check_code(version: FunctionVersion, request: Mapping[str, Any]) -> None:
    """Check the package of an UpdateFunctionCode request.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if version.code.image and not request.get("ImageUri"):
        raise invalid("Please provide ImageUri when updating a function with packageType Image.")
    if not version.code.image and request.get("ImageUri"):
        raise invalid(
            "Please don't provide ImageUri when updating a function with packageType Zip."
        )


def check_configuration(version: FunctionVersion, request: Mapping[str, Any]) -> None:
    """Check that an UpdateFunctionConfiguration request suits the package that is there.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if not version.code.image:
        _refuse_image_config(request)
    elif request.get("Layers"):
        raise invalid(
            "Lambda layers are not supported for functions created with container images."
        )
    elif request.get("Runtime") or request.get("Handler"):
        raise _not_of_images()


def _not_of_images() -> AwsError:
    return invalid(
        "Please don't provide Handler or Runtime or Layer when the intended function PackageType "
        "is Image."
    )


def _refuse_image_config(request: Mapping[str, Any]) -> None:
    if any((request.get("ImageConfig") or {}).values()):
        raise invalid(
            "Please don't provide ImageConfig when the intended function PackageType is Zip."
        )
