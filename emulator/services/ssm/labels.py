"""Labels of versions, and tags of parameters.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html
"""

from __future__ import annotations

import re

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.ssm import names
from emulator.services.ssm.parameters import check_tags, find, keep
from emulator.services.ssm.state import Parameter
from emulator.services.ssm.versions import labels_of

_LABEL = re.compile(r"(?!\d|aws|ssm)[a-zA-Z0-9_.\-]{1,100}", re.IGNORECASE)
_MOST_LABELS = 10


def _number(parameter: Parameter, given: int | None) -> int:
    """Return a version's number; the newest one's for None."""
    held = [each["version"] for each in parameter["versions"]]
    if given is None:
        return int(held[-1])
    if given not in held:
        raise AwsError(
            "ParameterVersionNotFound",
            f"Systems Manager could not find version {given} of {parameter['name']}. Verify the"
            " version and try again.",
        )
    return given


async def label_parameter_version(ctx: Context, request: Request) -> Response:
    """Serve LabelParameterVersion.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_LabelParameterVersion.html
    """
    parameter = find(ctx, request["Name"])
    number = _number(parameter, request.get("ParameterVersion"))
    wanted = list(request["Labels"])
    invalid = [each for each in wanted if _LABEL.fullmatch(each) is None]
    labels = {**parameter["labels"], **{e: number for e in wanted if e not in invalid}}
    if sum(at == number for at in labels.values()) > _MOST_LABELS:
        raise AwsError(
            "ParameterVersionLabelLimitExceeded",
            f"A parameter version can have a maximum of {_MOST_LABELS} labels. Move one or more"
            " labels to another version and try again.",
        )
    await keep(ctx, {**parameter, "labels": labels})
    return {"InvalidLabels": invalid, "ParameterVersion": number}


async def unlabel_parameter_version(ctx: Context, request: Request) -> Response:
    """Serve UnlabelParameterVersion.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UnlabelParameterVersion.html
    """
    parameter = find(ctx, request["Name"])
    number = _number(parameter, request["ParameterVersion"])
    held = labels_of(parameter, number)
    removed = [each for each in request["Labels"] if each in held]
    labels = {key: at for key, at in parameter["labels"].items() if key not in removed}
    await keep(ctx, {**parameter, "labels": labels})
    invalid = [each for each in request["Labels"] if each not in held]
    return {"RemovedLabels": removed, "InvalidLabels": invalid}


def _tagged(ctx: Context, request: Request) -> Parameter:
    """Return the parameter whose tags a request means."""
    if request["ResourceType"] != "Parameter":
        raise AwsError(
            "InvalidResourceType",
            f"localfaas has tags of parameters alone, not of {request['ResourceType']}.",
        )
    try:
        return find(ctx, names.parse(request["ResourceId"]).names[-1])
    except AwsError as error:
        if error.code != "ParameterNotFound":
            raise
        raise AwsError(
            "InvalidResourceId",
            "The resource ID is not valid. Verify that you entered the correct ID and try again.",
        ) from error


async def add_tags_to_resource(ctx: Context, request: Request) -> Response:
    """Serve AddTagsToResource.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
    """
    parameter = _tagged(ctx, request)
    tags = {**parameter["tags"], **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
    check_tags(tags)
    await keep(ctx, {**parameter, "tags": tags})
    return {}


async def remove_tags_from_resource(ctx: Context, request: Request) -> Response:
    """Serve RemoveTagsFromResource.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RemoveTagsFromResource.html
    """
    parameter = _tagged(ctx, request)
    gone = set(request["TagKeys"])
    tags = {key: value for key, value in parameter["tags"].items() if key not in gone}
    await keep(ctx, {**parameter, "tags": tags})
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Serve ListTagsForResource.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html
    """
    tags = _tagged(ctx, request)["tags"]
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}
