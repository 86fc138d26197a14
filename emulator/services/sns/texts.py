"""Text messages to phones: settings and opt-outs are kept, and nothing is sent.

https://docs.aws.amazon.com/sns/latest/api/API_SetSMSAttributes.html
"""

from __future__ import annotations

import re

from emulator.services.context import Context, Request, Response
from emulator.services.sns.errors import bad, invalid
from emulator.services.sns.platforms import is_percentage
from emulator.services.sns.state import of

_ATTRIBUTES = frozenset(
    {
        "DefaultSMSType",
        "DefaultSenderID",
        "DeliveryStatusIAMRole",
        "DeliveryStatusSuccessSamplingRate",
        "MonthlySpendLimit",
        "UsageReportS3Bucket",
    }
)
_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}")
_PHONE = re.compile(r"\+[0-9]{6,19}")


async def set_sms_attributes(ctx: Context, request: Request) -> Response:
    """Handle SetSMSAttributes."""
    given = request["attributes"]
    for name, value in given.items():
        if name not in _ATTRIBUTES:
            raise bad(f"{name} is not a valid attribute")
        if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
            raise bad("DefaultSMSType is invalid")
        if name == "DefaultSenderID" and value and not _SENDER.fullmatch(value):
            # In these words: https://github.com/catalyst/moodle-tool_mfa/issues/301
            raise invalid("")
        if name == "MonthlySpendLimit" and not value.isdecimal():
            raise bad("MonthlySpendLimit is invalid")
        if name == "DeliveryStatusSuccessSamplingRate" and not is_percentage(value):
            raise bad("DeliveryStatusSuccessSamplingRate is invalid")
    settings = of(ctx).settings
    kept = settings.find(ctx.account, ctx.region, "sms") or {}
    await settings.put(ctx.account, ctx.region, "sms", {**kept, **given})
    return {}


async def get_sms_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetSMSAttributes."""
    kept = of(ctx).settings.find(ctx.account, ctx.region, "sms") or {}
    every = {"MonthlySpendLimit": "1", **kept}
    wanted = request.get("attributes")
    return {"attributes": {k: v for k, v in every.items() if not wanted or k in wanted}}


async def check_if_phone_number_is_opted_out(ctx: Context, request: Request) -> Response:
    """Handle CheckIfPhoneNumberIsOptedOut: nobody is, as nobody gets anything."""
    _check_phone(request["phoneNumber"])
    return {"isOptedOut": False}


async def list_phone_numbers_opted_out(ctx: Context, request: Request) -> Response:
    """Handle ListPhoneNumbersOptedOut."""
    return {"phoneNumbers": []}


async def opt_in_phone_number(ctx: Context, request: Request) -> Response:
    """Handle OptInPhoneNumber."""
    _check_phone(request["phoneNumber"])
    return {}


def _check_phone(number: str) -> None:
    if not _PHONE.fullmatch(number):
        raise invalid(f"PhoneNumber Reason: {number} is not valid")
