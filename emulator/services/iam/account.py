"""The account: its alias and a summary; and providers of identities by OpenID Connect.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
"""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.iam import entities
from emulator.services.iam.state import Entity, of

_ALIAS = "alias"


async def create_account_alias(ctx: Context, request: Request) -> Response:
    """Handle CreateAccountAlias."""
    await entities.keep(ctx, "account", _ALIAS, {"alias": request["AccountAlias"]})
    return {}


async def delete_account_alias(ctx: Context, request: Request) -> Response:
    """Handle DeleteAccountAlias."""
    found = of(ctx).find(ctx.account, "account", _ALIAS)
    alias = request["AccountAlias"]
    if found is None or found["alias"] != alias:
        raise AwsError(
            "NoSuchEntity", f"The account alias with name {alias} cannot be found.", status=404
        )
    await of(ctx).delete(ctx.account, "account", _ALIAS)
    return {}


async def list_account_aliases(ctx: Context, request: Request) -> Response:
    """Handle ListAccountAliases."""
    found = of(ctx).find(ctx.account, "account", _ALIAS)
    return entities.page([found["alias"]] if found else [], request, "AccountAliases")


async def get_account_summary(ctx: Context, request: Request) -> Response:
    """Handle GetAccountSummary."""
    state = of(ctx)
    names = {
        "Roles": "role",
        "Users": "user",
        "Groups": "group",
        "Policies": "policy",
        "InstanceProfiles": "instance-profile",
        "Providers": "provider",
    }
    summary = {name: len(state.all(ctx.account, kind)) for name, kind in names.items()}
    return {"SummaryMap": {**summary, "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0}}


async def create_open_id_connect_provider(ctx: Context, request: Request) -> Response:
    """Handle CreateOpenIDConnectProvider."""
    url = str(request["Url"])
    if not url.startswith("https://"):
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL", status=400)
    url = url.removeprefix("https://")
    arn = f"arn:aws:iam::{ctx.account}:oidc-provider/{url}"
    if of(ctx).find(ctx.account, "provider", arn) is not None:
        raise AwsError(
            "EntityAlreadyExists", f"Provider with url {request['Url']} already exists.", status=409
        )
    provider: Entity = {
        "arn": arn,
        "url": url,
        "clients": list(request.get("ClientIDList") or []),
        "thumbprints": list(request.get("ThumbprintList") or []),
        "created": ctx.clock.now(),
        "tags": entities.tags_of(request),
    }
    await entities.keep(ctx, "provider", arn, provider)
    return {"OpenIDConnectProviderArn": arn, "Tags": entities.shown_tags(provider)}


def _provider(ctx: Context, request: Request) -> Entity:
    arn = request["OpenIDConnectProviderArn"]
    found = of(ctx).find(ctx.account, "provider", arn)
    if found is None:
        raise AwsError(
            "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", status=404
        )
    return found


async def get_open_id_connect_provider(ctx: Context, request: Request) -> Response:
    """Handle GetOpenIDConnectProvider."""
    provider = _provider(ctx, request)
    return {
        "Url": provider["url"],
        "ClientIDList": provider["clients"],
        "ThumbprintList": provider["thumbprints"],
        "CreateDate": provider["created"],
        "Tags": entities.shown_tags(provider),
    }


async def list_open_id_connect_providers(ctx: Context, request: Request) -> Response:
    """Handle ListOpenIDConnectProviders."""
    found = of(ctx).all(ctx.account, "provider")
    return {"OpenIDConnectProviderList": [{"Arn": each["arn"]} for each in found]}


async def update_open_id_connect_provider_thumbprint(ctx: Context, request: Request) -> Response:
    """Handle UpdateOpenIDConnectProviderThumbprint."""
    provider = _provider(ctx, request)
    changed = {**provider, "thumbprints": list(request["ThumbprintList"])}
    await entities.keep(ctx, "provider", provider["arn"], changed)
    return {}


async def add_client_id_to_open_id_connect_provider(ctx: Context, request: Request) -> Response:
    """Handle AddClientIDToOpenIDConnectProvider. One that is there already stays."""
    provider = _provider(ctx, request)
    clients = list(dict.fromkeys([*provider["clients"], request["ClientID"]]))
    await entities.keep(ctx, "provider", provider["arn"], {**provider, "clients": clients})
    return {}


async def remove_client_id_from_open_id_connect_provider(
    ctx: Context, request: Request
) -> Response:
    """Handle RemoveClientIDFromOpenIDConnectProvider. One that is not there is removed."""
    provider = _provider(ctx, request)
    clients = [each for each in provider["clients"] if each != request["ClientID"]]
    await entities.keep(ctx, "provider", provider["arn"], {**provider, "clients": clients})
    return {}


async def delete_open_id_connect_provider(ctx: Context, request: Request) -> Response:
    """Handle DeleteOpenIDConnectProvider. One that is not there is deleted."""
    await of(ctx).delete(ctx.account, "provider", request["OpenIDConnectProviderArn"])
    return {}
