"""Variables of other emulators, so that set-ups written for one need no change.

Every command reads what has a counterpart here as that, and ``localfaas up`` names the rest.
Options and variables of its own win. The meanings are those of LocalStack's documentation:
https://docs.localstack.cloud/references/configuration/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping

_TRUE = ("1", "true", "True", "yes", "on")
_FALSE = ("0", "false", "False", "no", "off")


def _yes(text: str) -> str:
    """Return "1" where a switch is on."""
    return "1" if text in _TRUE else ""


def _seconds(text: str) -> str:
    return f"{int(text) / 1000:g}" if text.isdecimal() else ""


def _host(text: str) -> str:
    first = text.split(",")[0]
    host, colon, _ = first.rpartition(":")
    return host if colon or first.isdecimal() else first


def _port(text: str) -> str:
    port = text.split(",")[0].rpartition(":")[2]
    return port if port.isdecimal() else ""


def _driver(text: str) -> str:
    return "auto" if text.startswith("docker") else "process"


def _name(text: str) -> str:
    return text.partition(":")[0]


def _words(text: str) -> str:
    return " ".join(text.replace(",", " ").split())


#: Variable → settings' variables of ours, each with what makes its value ("" sets nothing).
ADOPTED: Mapping[str, Mapping[str, Callable[[str], str]]] = {
    "GATEWAY_LISTEN": {"LOCALFAAS_HOST": _host, "LOCALFAAS_PORT": _port},
    "EDGE_PORT": {"LOCALFAAS_PORT": _port},
    "LOCALSTACK_HOST": {"LOCALFAAS_ALLOW_HOST": _name},
    "HOSTNAME_EXTERNAL": {"LOCALFAAS_ALLOW_HOST": _name},
    "LOCALSTACK_HOSTNAME": {"LOCALFAAS_ALLOW_HOST": _name},
    "EXTRA_CORS_ALLOWED_ORIGINS": {"LOCALFAAS_ALLOW_ORIGIN": _words},
    "LAMBDA_EXECUTOR": {"LOCALFAAS_DRIVER": _driver},
    "LAMBDA_RUNTIME_EXECUTOR": {"LOCALFAAS_DRIVER": _driver},
    "LAMBDA_DOCKER_NETWORK": {"LOCALFAAS_DOCKER_NETWORK": str},
    "LAMBDA_KEEPALIVE_MS": {"LOCALFAAS_IDLE_TIMEOUT": _seconds},
    "LAMBDA_SYNCHRONOUS_CREATE": {
        "LOCALFAAS_TRANSITION_SECONDS": lambda text: "0" if _yes(text) else ""
    },
    "DEFAULT_REGION": {"LOCALFAAS_REGION": str},
}
#: Variable → why it changes nothing. A name that ends in "*" stands for all that begin so.
IGNORED: Mapping[str, str] = {
    "SERVICES": "every service is there, and loads at its first call",
    "EAGER_SERVICE_LOADING": "services load at their first call",
    "STRICT_SERVICE_LOADING": "every service is there, and loads at its first call",
    "PERSISTENCE": "give --state FOLDER",
    "SNAPSHOT_*": "with --state everything is kept as it happens",
    "LOCALSTACK_AUTH_TOKEN": "nothing here needs a token",
    "LOCALSTACK_API_KEY": "nothing here needs a key",
    "ACTIVATE_PRO": "nothing here needs a licence",
    "LOCALSTACK_VOLUME_DIR": "give --state FOLDER",
    "LAMBDA_REMOTE_DOCKER": "code is copied or mounted as the engine needs it",
    "LAMBDA_REMOVE_CONTAINERS": "containers are always removed",
    "LAMBDA_DOCKER_FLAGS": "see the options of the Docker driver in `localfaas up --help`",
    "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "environments have as long to start as on AWS",
    "LAMBDA_IGNORE_ARCHITECTURE": "give --strict to refuse what this machine can't run natively",
    "LAMBDA_LIMITS_*": "limits are AWS's; --account-concurrency and --max-environments change two",
    "LAMBDA_PREBUILD_IMAGES": "images are pulled ahead of use",
    "SQS_ENDPOINT_STRATEGY": "a queue's URL has the host of the request",
    "SQS_DISABLE_CLOUDWATCH_METRICS": "metrics of queues are made once somebody asks for them",
    "DISABLE_CORS_CHECKS": "give --allow-origin ORIGIN",
    "DISABLE_CORS_HEADERS": "give --allow-origin ORIGIN",
    "DNS_ADDRESS": "there is no name server here; *.localhost resolves by itself",
    "LS_LOG": "see -q",
}


def adopt(environ: MutableMapping[str, str]) -> list[str]:
    """Set the variables of ours that others stand for; returns a sentence about each of those.

    Args:
        environ: Where both are. What is set already stays.
    """
    said = []
    for name, ours in ADOPTED.items():
        made = {mine: make(environ[name]) for mine, make in ours.items() if environ.get(name)}
        added = {mine: value for mine, value in made.items() if value and not environ.get(mine)}
        environ.update(added)
        if added:
            meant = ", ".join(f"{mine}={value}" for mine, value in added.items())
            said.append(f"{name} is taken as {meant}")
        else:
            others = [mine for mine, value in made.items() if value and environ[mine] != value]
            said += [f"{name} changes nothing: {mine}={environ[mine]} stands" for mine in others]
            if made and not any(made.values()) and environ[name] not in _FALSE:
                said.append(f"{name}={environ[name]} changes nothing: it is not understood")
    for name, why in IGNORED.items():
        prefix = name.removesuffix("*")
        found = [
            each for each in environ if each == name or (prefix != name and each.startswith(prefix))
        ]
        said += [f"{each} changes nothing: {why}" for each in sorted(found)]
    return said
