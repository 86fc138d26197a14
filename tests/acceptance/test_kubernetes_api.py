"""Rights and conflicts, as the API alone knows them: no node takes part.

`tests/kubernetes_cluster.sh up 0` is enough for these.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.driver.conventions import runtimes_folder
from emulator.driver.kubernetes import names, owners
from emulator.driver.kubernetes.cluster import Cluster as Api
from emulator.driver.kubernetes.cluster import ClusterFault
from emulator.driver.kubernetes.driver import KubernetesDriver
from emulator.driver.kubernetes.pod import PodRequest, body
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.driver.kubernetes.watch import PodWatch
from emulator.model.clock import SystemClock
from emulator.model.errors import ConfigurationError
from tests.cluster import IMAGE, KUBERNETES, Cluster, cluster
from tests.patience import PATIENCE_S

pytestmark = KUBERNETES
_RIGHTS = Path(__file__).parents[2] / "deploy/kubernetes/base/rights.yaml"
#: No node has it: pods stay as the API made them.
_NOWHERE = {"spec": {"nodeSelector": {"nowhere": "here"}}}


@pytest.fixture(scope="module")
def found() -> Cluster:
    return cluster()


@pytest.fixture
def namespace(found: Cluster) -> Iterator[str]:
    with found.namespace() as name:
        found.kubectl("apply", "--namespace", name, "-f", str(_RIGHTS))
        yield name


@pytest.fixture
def kubeconfig(found: Cluster, namespace: str, tmp_path: Path) -> Path:
    """Of the service account of deploy/kubernetes."""
    return found.kubeconfig_of("localfaas", namespace, tmp_path)


@asynccontextmanager
async def opened(kubeconfig: Path) -> AsyncIterator[Api]:
    api = Api(context="", namespace="", environ={"KUBECONFIG": str(kubeconfig)})
    await api.open()
    try:
        yield api
    finally:
        await api.close()


def pod(name: str, labels: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    request = PodRequest(
        name=name, image=IMAGE, labels=labels or {}, memory_mb=128, storage_mb=512,
        architecture="x86_64", number=1, is_stem=True, command=["true"],
    )  # fmt: skip
    return body(request, _NOWHERE | changes)


def labels(instance: str, owner: str) -> dict[str, str]:
    return {names.INSTANCE: instance, names.OWNER: owner}


async def left(api: Api) -> set[str]:
    found = await api.ask("GET", "pods")
    return {
        each["metadata"]["name"]
        for each in found["items"]
        if not each["metadata"].get("deletionTimestamp")
    }


async def test_a_sweep_takes_what_ended_emulators_of_this_user_left(kubeconfig: Path) -> None:
    async with opened(kubeconfig) as api:
        for name, of in (
            ("own", labels("me", "user")),
            ("lives", labels("neighbour", "user")),
            ("orphan", labels("ended", "user")),
            ("of-another", labels("ended-too", "another")),
            ("of-nobody", {}),
        ):
            await api.ask("POST", "pods", pod(name, of))
        swept = await owners.sweep(
            api, instance="me", owner="user", living=frozenset({"me", "neighbour"})
        )
        assert swept == ["orphan"]
        assert await left(api) == {"own", "lives", "of-another", "of-nobody"}


async def test_a_name_that_is_taken_is_a_conflict(kubeconfig: Path) -> None:
    async with opened(kubeconfig) as api:
        owner = owners.Owner(api, "taken", labels("a", "user"))
        (reference,) = await owner.references()
        assert reference["kind"] == "ConfigMap"
        other = owners.Owner(api, "taken", labels("b", "user"))
        with pytest.raises(ClusterFault) as refused:
            await other.references()
        assert (refused.value.status, refused.value.reason) == (409, "AlreadyExists")
        await other.close()  # it is the first one's
        await api.ask("POST", "pods", pod("one"))
        with pytest.raises(ClusterFault) as refused:
            await api.ask("POST", "pods", pod("one"))
        assert refused.value.status == 409
        await owner.close()


async def test_two_emulators_hear_of_their_own_pods_alone(kubeconfig: Path) -> None:
    async with opened(kubeconfig) as api:
        heard: dict[str, list[Any]] = {"a": [], "b": []}
        watches = {each: PodWatch(api, f"{names.INSTANCE}={each}", SystemClock()) for each in heard}
        try:
            for each, watch in watches.items():
                await watch.open()
                watch.listen("one", heard[each].append)
            await api.ask("POST", "pods", pod("one", labels("a", "user")))
            await api.ask("DELETE", "pods/one", query={"gracePeriodSeconds": "0"})
            async with asyncio.timeout(PATIENCE_S):
                while None not in heard["a"]:  # noqa: ASYNC110 (of another process)
                    await asyncio.sleep(0.05)
        finally:
            for watch in watches.values():
                await watch.close()
        assert heard["b"] == []


async def test_the_account_has_no_right_that_the_role_does_not_name(
    kubeconfig: Path, namespace: str
) -> None:
    async with opened(kubeconfig) as api:
        await api.ask("POST", "pods", pod("one"))
        for method, path, given in (
            ("GET", "secrets", None),
            ("GET", "secrets/any", None),
            ("POST", "pods/one/exec", None),
            ("GET", "/api/v1/nodes", None),
            ("GET", "/api/v1/namespaces/kube-system/pods", None),
            ("POST", "/api/v1/namespaces/default/pods", pod("elsewhere")),
        ):
            with pytest.raises(ClusterFault) as refused:
                await api.ask(method, path, given)
            assert refused.value.status == 403, path


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": True},
        {"securityContext": {"runAsUser": 0}},
        {"containers": [{"name": "function", "securityContext": {"privileged": True}}]},
        {"containers": [{"name": "beside", "image": "x", "securityContext": {"privileged": True}}]},
        {"volumes": [{"name": "x", "emptyDir": {"medium": "Memory"}}]},
    ],
    ids=["network", "root", "privileged", "privileged beside", "volume"],
)
async def test_a_restricted_namespace_takes_what_is_left_of_a_template(
    kubeconfig: Path, spec: dict[str, Any]
) -> None:
    async with opened(kubeconfig) as api:
        await api.ask("POST", "pods", pod("one", spec=_NOWHERE["spec"] | spec))


def _driver(kubeconfig: Path, folder: Path) -> KubernetesDriver:
    return KubernetesDriver(
        KubernetesSettings(stems=0, advertise="127.0.0.1", directory=folder / "locks"),
        bootstraps=runtimes_folder(),
        environ={"KUBECONFIG": str(kubeconfig)},
    )


async def test_a_user_who_may_only_make_pods_has_a_note(
    found: Cluster, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    (rule, *_) = next(
        each for each in yaml.safe_load_all(_RIGHTS.read_text()) if each["kind"] == "Role"
    )["rules"]
    _set_rules(found, namespace, [rule])
    driver = _driver(kubeconfig, tmp_path)
    await driver.open()
    try:
        assert any("ConfigMap" in note for note in driver.notes())
    finally:
        await driver.close()
    _set_rules(found, namespace, [])
    refused = _driver(kubeconfig, tmp_path)
    with pytest.raises(ConfigurationError, match="localfaas doctor"):
        await refused.open()


def _set_rules(found: Cluster, namespace: str, rules: list[Any]) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "localfaas"},
        "rules": rules,
    }
    found.kubectl("apply", "--namespace", namespace, "-f", "-", given=json.dumps(role))
