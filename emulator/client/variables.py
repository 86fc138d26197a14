"""The variables by which AWS SDKs and the AWS CLI find an emulator."""

from __future__ import annotations

from collections.abc import Mapping

#: Where an emulator's functions are unless it is told otherwise.
DEFAULT_REGION = "us-east-1"
_PROXIES = ("http_proxy", "all_proxy")
_FOREIGN = (
    # Some SDKs prefer a profile to the credentials in the environment, and fail where it is not.
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    # They belong to other credentials.
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    # With them SDKs call AWS, or refuse any other address.
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
#: What the variable of one service's address begins with. SDKs prefer it to that of all.
_OF_ONE_SERVICE = "AWS_ENDPOINT_URL_"


def foreign(environ: Mapping[str, str]) -> list[str]:
    """Return what is to be unset in ``environ``: else SDKs use other addresses or credentials."""
    return [name for name in environ if name in _FOREIGN or name.startswith(_OF_ONE_SERVICE)]


def variables(
    url: str,
    host: str,
    *,
    region: str = DEFAULT_REGION,
    account: str = "localfaas",
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables to set.

    Args:
        url: The emulator's address.
        host: The host in it.
        region: The AWS region.
        account: The access key: 12 digits are an account's id, anything else means the emulator's
            default account.
        environ: The environment that gets the variables. If it names proxies, the result keeps
            calls to the emulator from them.
    """
    return {
        "AWS_ENDPOINT_URL": url,
        # Else SDKs put names before its host (StartSyncExecution: "sync-localhost").
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "localfaas",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **_past_proxies(environ, host),
    }


def _past_proxies(environ: Mapping[str, str], host: str) -> dict[str, str]:
    """Return the variables that keep calls to ``host`` from the proxies in ``environ``, if any."""
    if not any(environ.get(name) or environ.get(name.upper()) for name in _PROXIES):
        return {}
    # Some tools read only the one spelling, some only the other.
    given = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name for name in map(str.strip, given.split(",")) if name]
    names += [name for name in dict.fromkeys(("localhost", host)) if name not in names]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(names))
