"""Platform applications and their endpoints: kept, and nothing is pushed to devices.

https://docs.aws.amazon.com/sns/latest/api/API_CreatePlatformApplication.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from emulator.services.context import Context, Request, Response
from emulator.services.sns import arns
from emulator.services.sns.errors import invalid, not_found
from emulator.services.sns.paging import page
from emulator.services.sns.state import of
from emulator.services.sns.subscription import Body

_PLATFORMS = frozenset(
    {"ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "FCM", "GCM",
     "MACOS", "MACOS_SANDBOX", "MPNS", "WNS"}
)  # fmt: skip
_APPLICATION = "PlatformApplication"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
#: Attributes of an application that are secrets: taken and never shown.
_SECRETS = ("PlatformCredential", "PlatformPrincipal")
_APPLICATION_ATTRIBUTES = frozenset(
    {
        *_SECRETS,
        "ApplePlatformBundleID",
        "ApplePlatformTeamID",
        "EventDeliveryFailure",
        "EventEndpointCreated",
        "EventEndpointDeleted",
        "EventEndpointUpdated",
        "FailureFeedbackRoleArn",
        "SuccessFeedbackRoleArn",
        "SuccessFeedbackSampleRate",
    }
)
_ENDPOINT_ATTRIBUTES = ("CustomUserData", "Enabled", "Token")
_LONGEST_DATA = 2048


def _application(ctx: Context, arn: str) -> tuple[arns.Place, Body]:
    place = arns.split(arn, "PlatformApplicationArn")
    if not place.name.startswith("app/"):
        raise invalid("PlatformApplicationArn Reason: it is no platform application")
    found = of(ctx).applications.find(*place)
    if found is None:
        raise not_found(_APPLICATION)
    return place, found


def _check_application(attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        if name not in _APPLICATION_ATTRIBUTES:
            raise invalid(f"Attributes Reason: Invalid attribute name: {name}")
        if name == "SuccessFeedbackSampleRate" and not is_percentage(value):
            raise invalid(
                "Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: must "
                "be between 0 and 100"
            )


def is_percentage(value: str) -> bool:
    """Say whether a text is a whole number from 0 to 100."""
    return re.fullmatch(r"\d{1,3}", value, re.ASCII) is not None and int(value) <= 100


def _check_name(name: str) -> None:
    reason = ""
    if not name:
        reason = "cannot be empty"
    elif len(name) > 256:
        reason = "must be at most 256 characters long"
    elif not _NAME.fullmatch(name):
        reason = "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"
    if reason:
        raise invalid(f"Name Reason: {reason}")


async def create_platform_application(ctx: Context, request: Request) -> Response:
    """Handle CreatePlatformApplication."""
    platform, attributes = request["Platform"], dict(request["Attributes"])
    _check_name(request["Name"])
    if platform not in _PLATFORMS:
        raise invalid(f"Platform Reason: {platform} is not supported")
    _check_application(attributes)
    if "PlatformCredential" not in attributes:
        if "PlatformPrincipal" in attributes:
            raise invalid(
                "Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential"
            )
        raise invalid("Attributes Reason: PlatformCredential attribute is missing")
    place = arns.Place(ctx.account, ctx.region, f"app/{platform}/{request['Name']}")
    if of(ctx).applications.find(*place) is None:
        await of(ctx).applications.put(*place, {"attributes": {"Enabled": "true", **attributes}})
    return {"PlatformApplicationArn": arns.arn_of(place)}


async def delete_platform_application(ctx: Context, request: Request) -> Response:
    """Handle DeletePlatformApplication; its endpoints go with it."""
    place = arns.split(request["PlatformApplicationArn"], "PlatformApplicationArn")
    sns = of(ctx)
    if sns.applications.find(*place) is not None:
        await sns.applications.delete(*place)
        prefix = place.name.replace("app/", "endpoint/", 1) + "/"
        keys = sns.endpoints.keys(place.account, place.region)
        for key in [each for each in keys if each.startswith(prefix)]:
            await sns.endpoints.delete(place.account, place.region, key)
    return {}


async def list_platform_applications(ctx: Context, request: Request) -> Response:
    """Handle ListPlatformApplications."""
    sns = of(ctx)
    every = [
        {
            "PlatformApplicationArn": arns.arn_of(arns.Place(ctx.account, ctx.region, name)),
            "Attributes": _shown(sns.applications.find(ctx.account, ctx.region, name) or {}),
        }
        for name in sns.applications.keys(ctx.account, ctx.region)
    ]
    return page(every, request, "PlatformApplications")


def _shown(body: Body) -> dict[str, str]:
    return {k: v for k, v in body.get("attributes", {}).items() if k not in _SECRETS}


async def get_platform_application_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetPlatformApplicationAttributes."""
    _, body = _application(ctx, request["PlatformApplicationArn"])
    return {"Attributes": _shown(body)}


async def set_platform_application_attributes(ctx: Context, request: Request) -> Response:
    """Handle SetPlatformApplicationAttributes."""
    place, body = _application(ctx, request["PlatformApplicationArn"])
    _check_application(request["Attributes"])
    attributes = {**body["attributes"], **request["Attributes"]}
    await of(ctx).applications.put(*place, {"attributes": attributes})
    return {}


# -- endpoints ------------------------------------------------------------------------------------


def _endpoint_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return an endpoint's attributes as they are kept.

    Raises:
        AwsError: InvalidParameter.
    """
    for name, value in attributes.items():
        if name not in _ENDPOINT_ATTRIBUTES:
            raise invalid(f"Attributes Reason: Invalid attribute name: {name}")
        if name == "Enabled" and value.lower() not in ("true", "false"):
            raise invalid(
                "Attributes Reason: Invalid value for attribute: Enabled: must be true or false"
            )
        if name == "CustomUserData" and len(value.encode()) > _LONGEST_DATA:
            raise invalid(
                "Attributes Reason: Invalid value for attribute: CustomUserData: must be at most "
                f"{_LONGEST_DATA} bytes long in UTF-8 encoding"
            )
    return {k: v.lower() if k == "Enabled" else v for k, v in attributes.items()}


async def create_platform_endpoint(ctx: Context, request: Request) -> Response:
    """Handle CreatePlatformEndpoint; the same token with the same attributes is the same one."""
    place, _ = _application(ctx, request["PlatformApplicationArn"])
    sns, token = of(ctx), request["Token"]
    attributes = dict(request.get("Attributes") or {})
    if request.get("CustomUserData"):
        # Recorded: the attribute wins over the parameter.
        attributes.setdefault("CustomUserData", request["CustomUserData"])
    wanted = {"Enabled": "true", "Token": token, **_endpoint_attributes(attributes)}
    prefix = place.name.replace("app/", "endpoint/", 1) + "/"
    for key in sns.endpoints.keys(place.account, place.region):
        body = sns.endpoints.find(place.account, place.region, key)
        if body is None or not key.startswith(prefix) or body["attributes"]["Token"] != token:
            continue
        arn = arns.arn_of(arns.Place(place.account, place.region, key))
        if body["attributes"] != wanted:
            raise invalid(
                f"Token Reason: Endpoint {arn} already exists with the same Token, but different "
                "attributes."
            )
        return {"EndpointArn": arn}
    made = arns.Place(place.account, place.region, prefix + str(uuid.uuid4()))
    await sns.endpoints.put(*made, {"attributes": wanted})
    return {"EndpointArn": arns.arn_of(made)}


def _endpoint(ctx: Context, arn: str) -> tuple[arns.Place, Body]:
    place = arns.split(arn, "EndpointArn")
    found = of(ctx).endpoints.find(*place)
    if found is None:
        raise not_found("Endpoint")
    return place, found


async def get_endpoint_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetEndpointAttributes."""
    return {"Attributes": _endpoint(ctx, request["EndpointArn"])[1]["attributes"]}


async def set_endpoint_attributes(ctx: Context, request: Request) -> Response:
    """Handle SetEndpointAttributes."""
    place, body = _endpoint(ctx, request["EndpointArn"])
    attributes = {**body["attributes"], **_endpoint_attributes(request["Attributes"])}
    await of(ctx).endpoints.put(*place, {"attributes": attributes})
    return {}


async def delete_endpoint(ctx: Context, request: Request) -> Response:
    """Handle DeleteEndpoint; one that is not there is no error."""
    place = arns.split(request["EndpointArn"], "EndpointArn")
    if of(ctx).endpoints.find(*place) is not None:
        await of(ctx).endpoints.delete(*place)
    return {}


async def list_endpoints_by_platform_application(ctx: Context, request: Request) -> Response:
    """Handle ListEndpointsByPlatformApplication."""
    place, _ = _application(ctx, request["PlatformApplicationArn"])
    endpoints = of(ctx).endpoints
    prefix = place.name.replace("app/", "endpoint/", 1) + "/"
    every = [
        {"EndpointArn": arns.arn_of(arns.Place(place.account, place.region, key)), **body}
        for key in endpoints.keys(place.account, place.region)
        if key.startswith(prefix) and (body := _public(endpoints.find(*place[:2], key)))
    ]
    return page(every, request, "Endpoints")


def _public(body: Body | None) -> Body:
    return {} if body is None else {"Attributes": body["attributes"]}
