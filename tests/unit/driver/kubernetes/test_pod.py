"""The pods that are wanted: hardened, whatever the user's template says."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.driver.kubernetes import names
from emulator.driver.kubernetes.pod import PodRequest, body, check_template, user_id
from emulator.model.errors import ConfigurationError


def request(**changes: Any) -> PodRequest:
    own: dict[str, Any] = {
        "name": "localfaas-1",
        "image": "image:1",
        "labels": {names.INSTANCE: "me"},
        "memory_mb": 256,
        "storage_mb": 512,
        "architecture": "arm64",
        "number": 7,
        "is_stem": True,
        "hosts": {"a": "10.0.0.1", "b": "10.0.0.1", "c": "0.0.0.0"},
        "spread": {names.INSTANCE: "me"},
    }
    return PodRequest(**own | changes)


def made(template: dict[str, Any] | None = None, **changes: Any) -> Any:
    return body(request(**changes), check_template(template or {}))


def restricted(pod: Any) -> list[str]:
    """Return what Pod Security's level "restricted" would say against a pod."""
    spec = pod["spec"]
    wrong = [each for each in ("hostNetwork", "hostPID", "hostIPC") if spec.get(each)]
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        security = container["securityContext"]
        if security["allowPrivilegeEscalation"] or security.get("privileged"):
            wrong.append("privileges")
        if security["capabilities"] != {"drop": ["ALL"]}:
            wrong.append("capabilities")
        if not security["runAsNonRoot"] or security["runAsUser"] == 0:
            wrong.append("root")
        if security["seccompProfile"] != {"type": "RuntimeDefault"}:
            wrong.append("seccomp")
    allowed = {"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral",
               "persistentVolumeClaim", "projected", "secret"}  # fmt: skip
    return wrong + [str(volume) for volume in spec["volumes"] if volume.keys() - allowed]


def test_a_pod_is_restricted_has_no_account_and_asks_for_what_it_may_use() -> None:
    pod = made()
    assert restricted(pod) == []
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert spec["restartPolicy"] == "Never"
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    assert container["resources"]["limits"] == {"memory": "256Mi"}
    assert container["resources"]["requests"]["memory"] == "256Mi"
    assert spec["volumes"][0] == {"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}}
    assert {(alias["ip"], *alias["hostnames"]) for alias in spec["hostAliases"]} == {
        ("10.0.0.1", "a", "b"),
        ("0.0.0.0", "c"),
    }
    assert spec["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"


def test_code_and_layers_can_not_be_written_where_the_function_sees_them() -> None:
    mounts = {
        mount["mountPath"]: mount for mount in made()["spec"]["containers"][0]["volumeMounts"]
    }
    for place in ("/var/task", "/opt"):
        assert mounts[place]["readOnly"]
    assert not mounts["/tmp"].get("readOnly")


HOSTILE = {
    "metadata": {"labels": {"team": "blue", names.INSTANCE: "another"}, "annotations": {"a": "b"}},
    "spec": {
        "automountServiceAccountToken": True,
        "serviceAccountName": "powerful",
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False, "fsGroup": 3},
        "tolerations": [{"operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "functions"},
        "containers": [
            {
                "name": "function",
                "image": "another:1",
                "command": ["sh"],
                "env": [{"name": "HTTPS_PROXY", "value": "proxy"}],
                "resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "2", "memory": "9Gi"}},
                "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
            },
            {"name": "sidecar", "image": "proxy:1", "securityContext": {"runAsUser": 0}},
        ],
        "initContainers": [{"name": "first", "image": "first:1"}],
        "volumes": [{"name": "cache", "emptyDir": {}}],
    },
}


def test_a_template_adds_what_the_pod_lacks_and_changes_nothing_else() -> None:
    pod = made(HOSTILE, command=["own"])
    spec = pod["spec"]
    assert restricted(pod) == []
    assert not spec["automountServiceAccountToken"]
    assert pod["metadata"]["labels"] == {"team": "blue", names.INSTANCE: "me"}
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["nodeSelector"] == {"pool": "functions", "kubernetes.io/arch": "arm64"}
    function, sidecar = spec["containers"]
    assert (function["image"], function["command"]) == ("image:1", ["own"])
    assert function["env"] == [{"name": "HTTPS_PROXY", "value": "proxy"}]
    assert function["resources"] == {
        "requests": {"cpu": "250m", "memory": "256Mi"},
        "limits": {"cpu": "2", "memory": "256Mi"},
    }
    assert sidecar["image"] == "proxy:1"
    assert {volume["name"] for volume in spec["volumes"]} == {"tmp", "home", "cache"}


@pytest.mark.parametrize(
    "template",
    [
        [],
        {"kind": "Deployment"},
        {"spec": []},
        {"spec": {"hostNetwork": True}},
        {"spec": {"hostPID": True}},
        {"spec": {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}},
    ],
)
def test_a_template_that_can_not_be_is_refused(template: Any) -> None:
    with pytest.raises(ConfigurationError):
        check_template(template)


def test_a_podtemplate_will_do() -> None:
    found = check_template(
        {"kind": "PodTemplate", "template": {"metadata": {"labels": {"a": "b"}}}}
    )
    assert found == {"metadata": {"labels": {"a": "b"}}}


def test_lost_nodes_are_avoided_beside_what_the_template_wants() -> None:
    assert "affinity" not in made()["spec"]
    lost = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["node-b"]}
    wanted = {"key": "disk", "operator": "Exists"}
    terms = [{"matchExpressions": [wanted]}]
    kind = "requiredDuringSchedulingIgnoredDuringExecution"
    template = {"spec": {"affinity": {"nodeAffinity": {kind: {"nodeSelectorTerms": terms}}}}}
    for given, expected in (({}, [lost]), (template, [wanted, lost])):
        affinity = made(given, avoid=["node-b"])["spec"]["affinity"]["nodeAffinity"]
        assert affinity[kind] == {"nodeSelectorTerms": [{"matchExpressions": expected}]}


def test_user_ids_are_those_of_nobody_else() -> None:
    ids = {user_id(number) for number in range(200_000)}
    assert min(ids) >= 10_000
    assert max(ids) < 65_536


def test_only_pods_of_ended_emulators_of_the_same_user_are_orphans() -> None:
    def orphan(instance: str, owner: str) -> bool:
        labels = {names.INSTANCE: instance, names.OWNER: owner}
        return names.is_orphan(
            labels, instance="me", owner="us", living=frozenset({"me", "neighbour"})
        )

    assert orphan("dead", "us")
    assert not orphan("me", "us")
    assert not orphan("neighbour", "us")
    assert not orphan("dead", "others")
    assert not names.is_orphan({}, instance="me", owner="us", living=frozenset())


def test_values_of_labels_are_what_kubernetes_takes() -> None:
    assert names.label_value("$LATEST") == "LATEST"
    assert names.label_value("a" * 100) == "a" * 63
    assert names.label_value("f:PROD") == "f-PROD"
