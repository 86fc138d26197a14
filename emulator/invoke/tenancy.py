"""Tenant isolation: environments that serve one tenant each.

https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
"""

from __future__ import annotations

import re

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion

#: As Lambda's service model has it; tasks of workflows name tenants past it.
_TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")


def isolated(version: FunctionVersion) -> bool:
    """Say whether the version's environments serve one tenant each."""
    config = version.settings.get("TenancyConfig") or {}
    return config.get("TenantIsolationMode") == "PER_TENANT"


def check(version: FunctionVersion, tenant_id: str) -> None:
    """Refuse a call that names no tenant where one is needed, or one where there are none.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if isolated(version) == bool(tenant_id):
        if tenant_id and not _TENANT.fullmatch(tenant_id):
            raise _invalid(f"{tenant_id!r} is not a valid tenant ID.")
        return
    if tenant_id:
        raise _invalid(
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID "
            "from your request and try again."
        )
    raise _invalid(
        "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in "
        "your request and try again."
    )


def refuse(version: FunctionVersion, what: str) -> None:
    """Refuse for a function with tenant isolation what calls it without naming a tenant.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if isolated(version):
        raise _invalid(f"{what} is not supported for functions with tenant isolation.")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message, Type="User")
