"""The variables by which AWS SDKs and the AWS CLI find an emulator."""

from __future__ import annotations

from collections.abc import Mapping

_PROXIES = ("http_proxy", "all_proxy")
#: Some SDKs prefer a profile to the credentials in the environment, and fail where there is none.
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
#: Variables to unset: they belong to other credentials than those of :func:`variables`.
FOREIGN = (*PROFILES, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def variables(
    url: str,
    host: str,
    *,
    region: str = "us-east-1",
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
