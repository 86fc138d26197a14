"""Roles assumed with what another identity provider has said; nothing of it is verified here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.sts.issuing import role_session

_PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:saml-provider/(?P<name>[\w.-]+)")
_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_SESSION_NAME = "https://aws.amazon.com/SAML/Attributes/RoleSessionName"
_SESSION_DURATION = "https://aws.amazon.com/SAML/Attributes/SessionDuration"
_SUBJECT_TYPES = "urn:oasis:names:tc:SAML:2.0:nameid-format:"


async def assume_role_with_web_identity(ctx: Context, request: Request) -> Response:
    """Serve AssumeRoleWithWebIdentity.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """
    claims = _claims(request["WebIdentityToken"])
    expires = claims.get("exp")
    if isinstance(expires, (int, float)) and expires < ctx.clock.now():
        now, end = (_time(each) for each in (ctx.clock.now(), float(expires)))
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {now} must be before the expiration date/time {end}",
        )
    audience = claims.get("aud")
    answer = role_session(ctx, request, request["RoleSessionName"])
    return answer | {
        "SubjectFromWebIdentityToken": str(claims["sub"]),
        "Audience": str(audience[0] if isinstance(audience, list) and audience else audience),
        "Provider": request.get("ProviderId") or str(claims["iss"]),
    }


def _claims(token: str) -> dict[str, Any]:
    """Return what a JSON web token says."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        claims = None
    if not isinstance(claims, dict):
        raise AwsError(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an "
            "Access Token)",
        )
    for name in ("iss", "aud", "sub"):
        if not claims.get(name):
            raise AwsError("InvalidIdentityToken", f"Missing a required claim: {name}")
    return claims


async def assume_role_with_saml(ctx: Context, request: Request) -> Response:
    """Serve AssumeRoleWithSAML.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
    """
    provider = _PROVIDER.fullmatch(request["PrincipalArn"])
    if provider is None:
        raise AwsError("ValidationError", f"{request['PrincipalArn']} is invalid")
    told = _assertion(request["SAMLAssertion"])
    session = _attribute(told, _SESSION_NAME)
    subject = told.find(f".//{_SAML}Subject/{_SAML}NameID")
    issuer = _text(told.find(f".//{_SAML}Issuer"))
    if not session or subject is None:
        missing = "RoleSessionName" if not session else "NameID"
        raise AwsError("InvalidIdentityToken", f"{missing} is required in AuthnResponse.")
    lasts = _attribute(told, _SESSION_DURATION)
    seconds = int(lasts) if lasts.isdecimal() else 3600
    answer = role_session(ctx, request, session, default_s=seconds)
    account = request["RoleArn"].split(":")[4]
    qualifier = hashlib.sha1(f"{issuer}{account}/{provider['name']}".encode()).digest()
    kind = subject.get("Format", "").removeprefix(_SUBJECT_TYPES)
    return answer | {
        "Subject": _text(subject),
        "SubjectType": kind or "unspecified",
        "Issuer": issuer,
        "Audience": "https://signin.aws.amazon.com/saml",
        "NameQualifier": base64.b64encode(qualifier).decode(),
    }


def _assertion(encoded: str) -> ElementTree.Element:
    try:
        text = base64.b64decode(encoded)
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise ValueError("a document type: entities of its own could fill the memory")
        return ElementTree.fromstring(text)
    except (ValueError, binascii.Error, ElementTree.ParseError):
        raise AwsError(
            "InvalidIdentityToken",
            "Invalid base64 SAMLResponse (Service: AWSSecurityTokenService)",
        ) from None


def _attribute(assertion: ElementTree.Element, name: str) -> str:
    for attribute in assertion.iter(f"{_SAML}Attribute"):
        if attribute.get("Name") == name:
            return _text(attribute.find(f"{_SAML}AttributeValue"))
    return ""


def _text(element: ElementTree.Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
