"""Buckets as websites: what a path of one answers. Pure, but for the question what is there.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote

from emulator.services.s3 import errors
from emulator.services.s3.rows import StoredObject

#: The kind of the bucket's document.
KIND = "website"
#: Returns the newest version of a key, if it is there.
Find = Callable[[str], Awaitable[StoredObject | None]]


class Page(NamedTuple):
    """An answer: a redirection, an object, or an error without a document of its own."""

    status: int
    #: Where to go instead.
    location: str = ""
    found: StoredObject | None = None
    code: str = ""
    message: str = ""


def check(website: Mapping[str, Any]) -> None:
    """Refuse a configuration that S3 does not take.

    Raises:
        AwsError: InvalidArgument, or MalformedXML.
    """
    if (everything := website.get("RedirectAllRequestsTo")) is not None:
        if len(website) > 1:
            raise errors.invalid(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                ArgumentName="RedirectAllRequestsTo",
                ArgumentValue="not null",
            )
        if not everything.get("HostName"):
            raise errors.malformed()
        _check_protocol(everything)
        return
    if (index := website.get("IndexDocument")) is None:
        raise errors.invalid(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            ArgumentName="IndexDocument",
            ArgumentValue="null",
        )
    suffix = index.get("Suffix") or ""
    if not suffix or "/" in suffix:
        raise errors.invalid(
            "The IndexDocument Suffix is not well formed",
            ArgumentName="IndexDocument",
            ArgumentValue=suffix,
        )
    if (error := website.get("ErrorDocument")) is not None and not error.get("Key"):
        raise errors.malformed()
    if "RoutingRules" in website and not website["RoutingRules"]:
        raise errors.malformed()
    for rule in website.get("RoutingRules") or ():
        _check_rule(rule)


def _check_rule(rule: Mapping[str, Any]) -> None:
    redirect = rule.get("Redirect") or {}
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        text = "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        raise errors.invalid(text, code="InvalidRequest")
    if "Condition" in rule and not rule["Condition"]:
        raise errors.invalid(
            "Condition cannot be empty. To redirect all requests without a condition, the condition"
            " element shouldn't be present.",
            code="InvalidRequest",
        )
    _check_protocol(redirect)


def _check_protocol(redirect: Mapping[str, Any]) -> None:
    if redirect.get("Protocol") not in (None, "http", "https"):
        raise errors.invalid(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be"
            " selected automatically.",
            code="InvalidRequest",
        )


async def page_of(website: Mapping[str, Any], key: str, base: str, find: Find) -> Page:
    """Return what a website answers.

    Args:
        website: The bucket's configuration.
        key: The path without its first slash, decoded.
        base: "http://host:port" as the caller reached it.
        find: Finds objects.
    """
    everything = website.get("RedirectAllRequestsTo")
    if everything:
        scheme = everything.get("Protocol") or base.partition(":")[0]
        return Page(301, location=f"{scheme}://{everything['HostName']}/{quote(key)}")
    for rule in website.get("RoutingRules") or ():
        condition = rule.get("Condition") or {}
        if not condition.get("HttpErrorCodeReturnedEquals") and _begins(condition, key):
            return _redirected(rule, key, base)
    suffix = (website.get("IndexDocument") or {}).get("Suffix") or "index.html"
    found = await find(key + suffix if key == "" or key.endswith("/") else key)
    if found is not None:
        target = found.details.get("WebsiteRedirectLocation")
        return Page(301, location=str(target)) if target else Page(200, found=found)
    if key and not key.endswith("/") and await find(f"{key}/{suffix}") is not None:
        return Page(302, location=f"/{quote(key)}/")
    for rule in website.get("RoutingRules") or ():
        condition = rule.get("Condition") or {}
        if condition.get("HttpErrorCodeReturnedEquals") == "404" and _begins(condition, key):
            return _redirected(rule, key, base)
    document = (website.get("ErrorDocument") or {}).get("Key")
    error = await find(document) if document else None
    return Page(404, found=error, code="NoSuchKey", message="The specified key does not exist.")


def _begins(condition: Mapping[str, Any], key: str) -> bool:
    return key.startswith(condition.get("KeyPrefixEquals") or "")


def _redirected(rule: Mapping[str, Any], key: str, base: str) -> Page:
    redirect = rule.get("Redirect") or {}
    prefix = (rule.get("Condition") or {}).get("KeyPrefixEquals") or ""
    if redirect.get("ReplaceKeyWith") is not None:
        key = redirect["ReplaceKeyWith"]
    elif redirect.get("ReplaceKeyPrefixWith") is not None:
        key = redirect["ReplaceKeyPrefixWith"] + key[len(prefix) :]
    scheme, _, host = base.partition("://")
    scheme, host = redirect.get("Protocol") or scheme, redirect.get("HostName") or host
    status = int(redirect.get("HttpRedirectCode") or 301)
    return Page(status, location=f"{scheme}://{host}/{quote(key)}")


def error_page(status: int, code: str, message: str, **fields: str) -> bytes:
    """Return the page of an error that has no document of its own."""
    title = {403: "403 Forbidden", 404: "404 Not Found"}.get(status, f"{status} Error")
    items = {"Code": code, "Message": message, **fields}
    lines = "".join(f"<li>{escape(name)}: {escape(text)}</li>\n" for name, text in items.items())
    return (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n"
        f"<ul>\n{lines}</ul>\n<hr/>\n</body>\n</html>\n"
    ).encode()
