"""The pods that are wanted, as the API takes them: pure functions.

Every pod keeps to Pod Security's level "restricted", whatever the user's template says.
Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import ConfigurationError
from emulator.model.limits import MB_PER_VCPU

#: The container that the function runs in.
CONTAINER = "function"
#: Where the supervisor writes; code and layers are shown again, read only, at AWS's places.
HOME = "/run/localfaas"
CODE, LAYERS, TEMPORARY = "/var/task", "/opt", "/tmp"
#: Folders below HOME.
CODE_FOLDER, LAYERS_FOLDER, BOOTSTRAP_FOLDER, SDK_FOLDER = "task", "opt", "bootstrap", "sdk"
#: Each pod has a user id of its own among these, as the limit on processes counts all of a user
#: id on a node. Below 65,536, which is what user namespaces have.
_FIRST_USER, _USERS = 10_000, 50_000
#: Of its share of CPU a pod asks for this part, at least for so many thousandths of a CPU: on the
#: usual nodes it is memory that decides how many they take.
_ASKED, _LEAST = 0.05, 10
_HOST = "kubernetes.io/hostname"
_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
#: What no pod of a namespace at level "restricted" may have.
_FORBIDDEN = ("hostNetwork", "hostPID", "hostIPC", "ephemeralContainers")
#: By what the entries of lists are told apart, where two that are the same are merged.
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
}
#: Lists whose entries add up.
_JOINED = ("tolerations", "topologySpreadConstraints", "ownerReferences")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRequest:
    """A pod that is wanted."""

    name: str
    image: str
    labels: Mapping[str, str]
    memory_mb: int
    storage_mb: int
    #: "x86_64" or "arm64".
    architecture: str
    #: Which of the instance's pods it is: its user id follows.
    number: int
    #: None keeps the image's own.
    command: Sequence[str] | None = None
    arguments: Sequence[str] | None = None
    working_directory: str = ""
    #: The name of the Secret with its variables; empty for none.
    secret: str = ""
    #: A supervisor fills it.
    is_stem: bool = False
    #: Names that it resolves, with their addresses.
    hosts: Mapping[str, str] = field(default_factory=dict)
    #: Nodes that are out of reach.
    avoid: Sequence[str] = ()
    #: Whose end is its end.
    owners: Sequence[Mapping[str, Any]] = ()
    #: The labels that all pods of this instance have: they are spread over nodes.
    spread: Mapping[str, str] = field(default_factory=dict)


def user_id(number: int) -> int:
    """Return the user id, and group id, of pod ``number``."""
    return _FIRST_USER + number % _USERS


def body(request: PodRequest, template: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the pod of ``request``, with what ``template`` adds and may add."""
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": request.name,
            "labels": dict(request.labels),
            "ownerReferences": [dict(owner) for owner in request.owners],
        },
        "spec": _spec(request),
    }
    pod = dict(merged(merged(_below(request), template or {}), pod))
    if request.avoid:
        _avoid(pod["spec"], request.avoid)
    for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())):
        container["securityContext"] = _container_security(request.number)
    return pod


def check_template(template: Any) -> dict[str, Any]:
    """Return a user's template if it is one.

    Raises:
        ConfigurationError: It is not, or wants what a hardened pod can't have.
    """
    if not isinstance(template, dict) or not isinstance(template.get("spec", {}), dict):
        raise ConfigurationError("a pod template is a mapping with metadata and spec, as of a pod")
    if template.get("kind", "Pod") not in ("Pod", "PodTemplate"):
        raise ConfigurationError(f"a pod template is of kind Pod, not {template['kind']}")
    found = template["template"] if template.get("kind") == "PodTemplate" else template
    spec = found.get("spec", {})
    for name in _FORBIDDEN:
        if spec.get(name):
            raise ConfigurationError(f"the pod template has {name}, which functions may not have")
    for volume in spec.get("volumes") or ():
        if "hostPath" in volume:
            raise ConfigurationError(
                "the pod template has a hostPath volume, which functions may not have"
            )
    return {key: found[key] for key in ("metadata", "spec") if isinstance(found.get(key), dict)}


def merged(below: Any, above: Any, key: str = "") -> Any:
    """Return ``below`` with ``above`` laid over it.

    Of mappings each entry is merged; so are the entries of lists that have names, those of the
    same name. Of all else ``above`` stands.
    """
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        found = dict(below)
        for name, value in above.items():
            found[name] = merged(below[name], value, name) if name in below else value
        return found
    if isinstance(below, list) and isinstance(above, list):
        if key in _JOINED:
            return [*below, *(each for each in above if each not in below)]
        by = _KEYS.get(key)
        if by is None:
            return above
        entries = {each[by]: each for each in below if isinstance(each, Mapping) and by in each}
        named = {each[by]: merged(entries.get(each[by], {}), each) for each in above}
        return [*named.values(), *(each for name, each in entries.items() if name not in named)]
    return above


def _below(request: PodRequest) -> dict[str, Any]:
    """Return what a template may change."""
    cpu = max(_LEAST, round(1000 * _ASKED * request.memory_mb / MB_PER_VCPU))
    container = {"name": CONTAINER, "resources": {"requests": {"cpu": f"{cpu}m"}}}
    return {"spec": {"containers": [container]}}


def _avoid(spec: dict[str, Any], nodes: Sequence[str]) -> None:
    """Keep a pod from ``nodes``, beside what its template wants of nodes."""
    expression = {"key": _HOST, "operator": "NotIn", "values": list(nodes)}
    kind = "requiredDuringSchedulingIgnoredDuringExecution"
    affinity = spec.get("affinity") or {}
    of_nodes = affinity.get("nodeAffinity") or {}
    # A node has to suit one of the terms.
    terms = (of_nodes.get(kind) or {}).get("nodeSelectorTerms") or [{}]
    avoiding = [
        term | {"matchExpressions": [*term.get("matchExpressions", ()), expression]}
        for term in terms
    ]
    required = {kind: {"nodeSelectorTerms": avoiding}}
    spec["affinity"] = affinity | {"nodeAffinity": of_nodes | required}


def _spec(request: PodRequest) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user_id(request.number),
            "runAsGroup": user_id(request.number),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"kubernetes.io/arch": _ARCHITECTURES[request.architecture]},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": _HOST,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(request.spread)},
            }
        ],
        "containers": [_container(request)],
        "volumes": _volumes(request),
    }
    if request.hosts:
        by_address: dict[str, list[str]] = {}
        for name, address in request.hosts.items():
            by_address.setdefault(address, []).append(name)
        spec["hostAliases"] = [
            {"ip": address, "hostnames": names} for address, names in by_address.items()
        ]
    return spec


def _container(request: PodRequest) -> dict[str, Any]:
    memory = f"{request.memory_mb}Mi"
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": request.image,
        "resources": {"requests": {"memory": memory}, "limits": {"memory": memory}},
        "volumeMounts": _mounts(request),
    }
    if request.command is not None:
        container["command"] = list(request.command)
    if request.arguments is not None:
        container["args"] = list(request.arguments)
    if request.working_directory:
        container["workingDir"] = request.working_directory
    if request.secret:
        container["envFrom"] = [{"secretRef": {"name": request.secret}}]
    return container


def _volumes(request: PodRequest) -> list[dict[str, Any]]:
    names = ["tmp", "home"] if request.is_stem else ["tmp"]
    sizes = {"tmp": {"sizeLimit": f"{request.storage_mb}Mi"}}
    return [{"name": name, "emptyDir": sizes.get(name, {})} for name in names]


def _mounts(request: PodRequest) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": TEMPORARY}]
    if request.is_stem:
        mounts += [
            {"name": "home", "mountPath": HOME},
            {"name": "home", "mountPath": CODE, "subPath": CODE_FOLDER, "readOnly": True},
            {"name": "home", "mountPath": LAYERS, "subPath": LAYERS_FOLDER, "readOnly": True},
        ]
    return mounts


def _container_security(number: int) -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": user_id(number),
        "runAsGroup": user_id(number),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
