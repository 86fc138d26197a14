"""The environment variables of a function, as AWS sets them.

Source: the environments recorded from AWS per runtime, and
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from emulator.driver.languages.base import LIBRARIES, PATH
from emulator.driver.languages.table import language_of, split_runtime
from emulator.model import credentials
from emulator.model.function import FunctionVersion

#: The file descriptor that framed logs are written to.
_STANDARD_OUTPUT = "1"

_NOTHING: Mapping[str, str] = {}
#: What is the same for all functions.
_FIXED = {
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": f"/var/lang/lib:{LIBRARIES}",
    "PATH": f"/var/lang/bin:{PATH}",
    "TZ": ":UTC",
}


def _credentials(version: FunctionVersion, endpoint_url: str | None) -> dict[str, str]:
    """Return the variables by which an AWS SDK finds the credentials of a function's role.

    Args:
        version: The version that runs.
        endpoint_url: Where this emulator gives fresh ones; None: the keys themselves.
    """
    role = str(version.settings.get("Role") or "")
    identity = credentials.of_function(version.account, role, version.name)
    if endpoint_url is not None and _is_loopback(endpoint_url):
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint_url + credentials.CONTAINER_PATH,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": credentials.issue(identity).token,
        }
    given = credentials.issue(identity)
    return {
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret_key,
        "AWS_SESSION_TOKEN": given.token,
    }


def _is_loopback(url: str) -> bool:
    """Say whether SDKs take credentials from there: over HTTP only from their own machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def build(
    version: FunctionVersion,
    *,
    log_group: str,
    log_stream: str,
    endpoint_url: str | None,
    initialization_type: str,
    told: Mapping[str, str] = _NOTHING,
) -> dict[str, str]:
    """Return the whole environment of a function's process, but for AWS_LAMBDA_RUNTIME_API.

    Args:
        version: The version that runs.
        log_group: Where its lines go.
        log_stream: Where its lines go.
        endpoint_url: Becomes AWS_ENDPOINT_URL, by which an AWS SDK finds this emulator: with the
            one that keeps its host as it is, the only addition to AWS's list. None leaves it out.
        initialization_type: "on-demand", "provisioned-concurrency" and so on.
        told: Further variables, which the function's own may replace.
    """
    # What a snapshot holds is the same in all environments: neither their log nor their keys.
    restored = initialization_type == "snap-start"
    environ = {
        # Calls from inside a function meet the resources of its own account, as its role.
        **_credentials(version, endpoint_url if restored else None),
        "AWS_REGION": version.region,
        "AWS_DEFAULT_REGION": version.region,
        "AWS_LAMBDA_FUNCTION_NAME": version.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        **(
            {}
            if restored
            else {
                "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            }
        ),
        **_FIXED,
        "_HANDLER": version.handler,
    }
    language = language_of(version.runtime)
    if language is not None:
        _, release = split_runtime(version.runtime)
        environ.update(language.variables(version.runtime, release, environ))
    elif version.runtime:
        environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{version.runtime}"
    if version.managed is None:
        if language is not None and language.frames_logs:
            environ["_LAMBDA_TELEMETRY_LOG_FD"] = _STANDARD_OUTPUT
    else:
        environ["AWS_LAMBDA_MAX_CONCURRENCY"] = str(version.managed.max_concurrency)
    if version.log_format == "JSON":
        environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        environ["AWS_LAMBDA_LOG_LEVEL"] = version.application_log_level or "INFO"
    if endpoint_url is not None:
        environ["AWS_ENDPOINT_URL"] = endpoint_url
        # Else SDKs put names before its host (StartSyncExecution: "sync-localhost").
        environ["AWS_DISABLE_HOST_PREFIX_INJECTION"] = "true"
    environ.update(told)
    environ.update(version.environment or {})
    return environ
