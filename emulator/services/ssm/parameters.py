"""Parameters: put, read, listed, removed.

https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.ssm import filters, names, references, versions
from emulator.services.ssm.state import Parameter, Version, of

#: Parameters of an account and region at most, by tier.
_MOST = {"Standard": 10_000, "Advanced": 100_000}
_MOST_TAGS = 50


def not_found(text: str = "") -> AwsError:
    """Return the error of a parameter that is not there; AWS gives no text."""
    return AwsError("ParameterNotFound", text)


def find(ctx: Context, name: str) -> Parameter:
    """Return a parameter by its name or ARN.

    Raises:
        AwsError: ParameterNotFound.
    """
    reference = names.parse(name)
    for each in reference.names:
        found = of(ctx).find(ctx.account, ctx.region, each)
        if found is not None:
            return found
    raise not_found()


async def keep(ctx: Context, parameter: Parameter) -> None:
    """Keep a parameter."""
    await of(ctx).put(ctx.account, ctx.region, parameter["name"], parameter)


def check_tags(tags: Sized) -> None:
    """Refuse more tags than a parameter may have.

    Raises:
        AwsError: TooManyTagsError.
    """
    if len(tags) > _MOST_TAGS:
        raise AwsError(
            "TooManyTagsError",
            f"The Targets parameter includes too many tags: {_MOST_TAGS} at most.",
        )


async def _check_key(ctx: Context, key: str) -> None:
    """Have KMS say whether a key encrypts.

    Raises:
        AwsError: InvalidKeyId, with what KMS says.
    """
    request = {"KeyId": key, "Plaintext": b"parameter"}
    account, region = ctx.account, ctx.region
    try:
        await ctx.parts.table.call("kms", "Encrypt", request, account=account, region=region)
    except AwsError as error:
        raise AwsError("InvalidKeyId", error.message) from error


async def put_parameter(ctx: Context, request: Request) -> Response:
    """Serve PutParameter.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    name = request["Name"]
    if name.startswith("arn:"):
        name = names.parse(name).names[-1]
    before = of(ctx).find(ctx.account, ctx.region, name)
    names.check_new(ctx.account, ctx.region, name)
    if request.get("Overwrite") and request.get("Tags"):
        raise AwsError(
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with"
            " tags, please remove overwrite flag. To update tags for an existing parameter, please"
            " use AddTagsToResource or RemoveTagsFromResource.",
        )
    if before is not None and not request.get("Overwrite"):
        raise AwsError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the"
            " request to true.",
        )
    user = f"arn:aws:iam::{ctx.account}:root"
    version = versions.next_version(before, request, ctx.clock.now(), user)
    if version["type"] == "SecureString" and request.get("KeyId"):
        await _check_key(ctx, request["KeyId"])
    if version["pattern"]:
        await versions.check_value(version)
    if version["pattern"] or request.get("KeyId"):
        # That may have taken a while.
        before = of(ctx).find(ctx.account, ctx.region, name)
        version["version"] = before["versions"][-1]["version"] + 1 if before else 1
    if before is None:
        check_tags(request.get("Tags") or ())
        _check_room(ctx, version)
    parameter = versions.appended(before, name, version)
    if before is None:
        parameter["tags"] = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    await keep(ctx, parameter)
    return {"Version": version["version"], "Tier": version["tier"]}


def _check_room(ctx: Context, version: Version) -> None:
    held = of(ctx).all(ctx.account, ctx.region)
    tier = version["tier"]
    if sum(each["versions"][-1]["tier"] == tier for each in held) >= _MOST[tier]:
        raise AwsError(
            "ParameterLimitExceeded",
            f"You have reached the limit of {_MOST[tier]} parameters of the {tier} tier. Delete"
            " parameters you don't need, and try again.",
        )


async def get_parameter(ctx: Context, request: Request) -> Response:
    """Serve GetParameter.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    decrypted = bool(request.get("WithDecryption"))
    return {"Parameter": await _read(ctx, request["Name"], decrypted=decrypted)}


async def get_parameters(ctx: Context, request: Request) -> Response:
    """Serve GetParameters.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
    """
    found, invalid = [], []
    for name in dict.fromkeys(request["Names"]):
        try:
            found.append(await _read(ctx, name, decrypted=bool(request.get("WithDecryption"))))
        except AwsError as error:
            if error.code not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            invalid.append(name)
    return {"Parameters": found, "InvalidParameters": invalid}


async def _read(ctx: Context, text: str, *, decrypted: bool) -> dict[str, Any]:
    referenced = await references.read(ctx, text, decrypted=decrypted)
    if referenced is not None:
        return referenced
    reference = names.parse(text)
    parameter = find(ctx, text)
    version = _version(parameter, reference.version)
    return shown(ctx, parameter, version, decrypted=decrypted, selector=reference.selector)


def _version(parameter: Parameter, wanted: str) -> Version:
    """Return a version by its number or label; the newest one for ""."""
    held: list[Version] = parameter["versions"]
    if not wanted:
        return held[-1]
    number = int(wanted) if wanted.isdecimal() else parameter["labels"].get(wanted)
    for each in held:
        if each["version"] == number:
            return each
    what = f"version {wanted}" if wanted.isdecimal() else f"label {wanted}"
    raise AwsError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find {what} of {parameter['name']}. Verify the"
        f" {what.partition(' ')[0]} and try again.",
    )


def shown(
    ctx: Context, parameter: Parameter, version: Version, *, decrypted: bool, selector: str = ""
) -> dict[str, Any]:
    """Return a version as those who read its value get it."""
    return {
        "Name": parameter["name"],
        "Type": version["type"],
        "Value": versions.shown_value(version, decrypted=decrypted),
        "Version": version["version"],
        "Selector": selector or None,
        "LastModifiedDate": version["modified_at"],
        "ARN": names.arn_of(ctx.account, ctx.region, parameter["name"]),
        "DataType": version["data_type"],
    }


async def get_parameters_by_path(ctx: Context, request: Request) -> Response:
    """Serve GetParametersByPath.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html
    """
    names.check_path(request["Path"])
    recursive = bool(request.get("Recursive"))
    found = filters.below(
        of(ctx).all(ctx.account, ctx.region), request["Path"], recursive=recursive
    )
    wanted = request.get("ParameterFilters") or []
    found = filters.chosen(found, wanted, filters.BY_PATH_KEYS)
    label = next((each["Values"] for each in wanted if each["Key"] == "Label"), None)
    decrypted = bool(request.get("WithDecryption"))
    answers = [
        shown(
            ctx, each, _labelled(each, label), decrypted=decrypted, selector=_selector(each, label)
        )
        for each in found
    ]
    return page(answers, request, 10)


def _labelled(parameter: Parameter, labels: Iterable[str] | None) -> Version:
    label = next((each for each in labels or () if each in parameter["labels"]), "")
    return _version(parameter, label)


def _selector(parameter: Parameter, labels: Iterable[str] | None) -> str:
    return next((f":{each}" for each in labels or () if each in parameter["labels"]), "")


async def get_parameter_history(ctx: Context, request: Request) -> Response:
    """Serve GetParameterHistory.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html
    """
    parameter = find(ctx, request["Name"])
    decrypted = bool(request.get("WithDecryption"))
    answers = [
        {
            "Name": parameter["name"],
            **_described(version),
            "Value": versions.shown_value(version, decrypted=decrypted),
            "Labels": versions.labels_of(parameter, version["version"]),
        }
        for version in parameter["versions"]
    ]
    return page(answers, request, 50)


async def describe_parameters(ctx: Context, request: Request) -> Response:
    """Serve DescribeParameters.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html
    """
    if request.get("Filters") and request.get("ParameterFilters"):
        raise AwsError(
            "ValidationException",
            "You can use either Filters or ParameterFilters in a single request.",
        )
    held = [] if request.get("Shared") else of(ctx).all(ctx.account, ctx.region)
    found = filters.chosen(held, request.get("ParameterFilters") or [])
    found = filters.chosen_by_old_filters(found, request.get("Filters") or [])
    answers = [
        {
            "Name": each["name"],
            "ARN": names.arn_of(ctx.account, ctx.region, each["name"]),
            **_described(each["versions"][-1]),
        }
        for each in found
    ]
    return page(answers, request, 50)


def _described(version: Version) -> dict[str, Any]:
    return {
        "Type": version["type"],
        "KeyId": version.get("key"),
        "LastModifiedDate": version["modified_at"],
        "LastModifiedUser": version["user"],
        "Description": version["description"],
        "AllowedPattern": version["pattern"],
        "Version": version["version"],
        "Tier": version["tier"],
        "Policies": [
            {"PolicyText": str(each), "PolicyType": each["Type"], "PolicyStatus": "Finished"}
            for each in version["policies"]
        ],
        "DataType": version["data_type"],
    }


async def delete_parameter(ctx: Context, request: Request) -> Response:
    """Serve DeleteParameter.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html
    """
    parameter = find(ctx, request["Name"])
    await of(ctx).delete(ctx.account, ctx.region, parameter["name"])
    return {}


async def delete_parameters(ctx: Context, request: Request) -> Response:
    """Serve DeleteParameters.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html
    """
    deleted, invalid = [], []
    for name in dict.fromkeys(request["Names"]):
        try:
            await delete_parameter(ctx, {"Name": name})
        except AwsError as error:
            if error.code != "ParameterNotFound":
                raise
            invalid.append(name)
        else:
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}


def page(answers: list[dict[str, Any]], request: Request, usual: int) -> Response:
    """Return a page of answers: what MaxResults and NextToken say.

    Raises:
        AwsError: InvalidNextToken.
    """
    token = request.get("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(answers):
        raise AwsError("InvalidNextToken", "The specified token isn't valid.")
    end = int(token) + int(request.get("MaxResults") or usual)
    more = str(end) if end < len(answers) else None
    return {"Parameters": answers[int(token) : end], "NextToken": more}
