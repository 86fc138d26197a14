"""The environment variables of a function, as AWS sets them.

Source: the environments recorded from AWS per runtime, and
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
"""

from __future__ import annotations

from emulator.model import credentials
from emulator.model.function import FunctionVersion

#: How long the credentials of an environment say they last, seconds.
_CREDENTIALS_S = 12 * 3600
#: Without the language's own, which comes before them.
_PATH = "/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARIES = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"

#: Families of runtimes that frame what they log (see ``emulator.telemetry.frames``).
_FRAMING = ("python", "nodejs", "ruby", "java", "dotnet")
_STANDARD_OUTPUT = "1"


def build(
    version: FunctionVersion,
    *,
    log_group: str,
    log_stream: str,
    endpoint_url: str | None,
    initialization_type: str,
    now: float,
) -> dict[str, str]:
    """Return the whole environment of a function's process, but for AWS_LAMBDA_RUNTIME_API.

    Args:
        endpoint_url: Becomes AWS_ENDPOINT_URL, by which an AWS SDK finds this emulator: the one
            addition to AWS's list. None leaves it out.
        now: Seconds since the epoch; its credentials are of this moment.
    """
    role = str(version.settings.get("Role") or "")
    identity = credentials.of_function(version.account, role, version.name)
    given = credentials.issue(identity, now + _CREDENTIALS_S)
    environ = {
        # Calls from inside a function meet the resources of its own account, as its role.
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret_key,
        "AWS_SESSION_TOKEN": given.token,
        "AWS_REGION": version.region,
        "AWS_DEFAULT_REGION": version.region,
        "AWS_LAMBDA_FUNCTION_NAME": version.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": f"/var/lang/lib:{_LIBRARIES}",
        "PATH": f"/var/lang/bin:{_PATH}",
        "TZ": ":UTC",
        "_HANDLER": version.handler,
    }
    environ.update(_of_runtime(version.runtime))
    if version.managed is None:
        if version.runtime.startswith(_FRAMING):
            environ["_LAMBDA_TELEMETRY_LOG_FD"] = _STANDARD_OUTPUT
    else:
        environ["AWS_LAMBDA_MAX_CONCURRENCY"] = str(version.managed.max_concurrency)
    if version.runtime in ("java8.al2", "java11"):
        # Names that version 1 of the Java SDK reads.
        environ["AWS_ACCESS_KEY"] = environ["AWS_ACCESS_KEY_ID"]
        environ["AWS_SECRET_KEY"] = environ["AWS_SECRET_ACCESS_KEY"]
    if version.log_format == "JSON":
        environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        environ["AWS_LAMBDA_LOG_LEVEL"] = version.application_log_level or "INFO"
    if endpoint_url is not None:
        environ["AWS_ENDPOINT_URL"] = endpoint_url
    environ.update(version.environment or {})
    return environ


def _of_runtime(runtime: str) -> dict[str, str]:
    family = runtime.rstrip("0123456789.x")
    release = runtime.removeprefix(family)
    if runtime == "provided.al2":
        return {"LD_LIBRARY_PATH": _LIBRARIES, "PATH": _PATH}
    if not runtime or family.startswith("provided"):
        return {}
    environ = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"}
    if family in ("python", "nodejs", "ruby", "dotnet"):
        # Their start scripts are shells, which leave these behind.
        environ |= {"PWD": "/var/task", "SHLVL": "0"}
    match family:
        case "python":
            # PYTHONPATH is the runtime's to set: whether the user has set it counts.
            if tuple(map(int, release.split("."))) >= (3, 12):
                environ["LC_CTYPE"] = "C.UTF-8"
        case "nodejs":
            major = release.partition(".")[0]
            environ["NODE_PATH"] = (
                f"/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules:"
                "/var/runtime/node_modules:/var/runtime:/var/task"
            )
            if int(major) <= 18:
                environ["NODE_EXTRA_CA_CERTS"] = "/var/runtime/ca-cert.pem"
        case "ruby":
            environ["PATH"] = f"/var/lang/bin:/var/lang/bin:{_PATH}"
            environ["LD_LIBRARY_PATH"] = f"/var/lang/lib:/var/lang/lib:{_LIBRARIES}"
            environ["GEM_HOME"] = "/var/runtime"
            environ["GEM_PATH"] = (
                f"/var/task/vendor/bundle/ruby/{release}.0:/opt/ruby/gems/{release}.0:"
                f"/var/runtime:/var/runtime/ruby/{release}.0"
            )
            environ["RUBYLIB"] = "/var/task:/var/runtime/lib:/opt/ruby/lib"
        case "dotnet":
            environ["DOTNET_ROOT"] = "/var/lang/bin"
            environ["LAMBDA_RUNTIME_NAME"] = runtime
    return environ
