"""What doctor says of a cluster: of all rights, of none, and of some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from emulator.driver.declaration import Finding
from emulator.driver.kubernetes import doctor
from emulator.driver.kubernetes.rights import RIGHTS
from emulator.driver.kubernetes.settings import KubernetesSettings
from tests.cluster import KUBERNETES, Cluster, cluster

pytestmark = KUBERNETES
_RIGHTS = Path(__file__).parents[2] / "deploy/kubernetes/base/rights.yaml"


@pytest.fixture(scope="module")
def found() -> Cluster:
    return cluster()


@pytest.fixture(scope="module")
def namespace(found: Cluster) -> Iterator[str]:
    with found.namespace() as name:
        yield name


@pytest.fixture
def as_account(
    found: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Be the service account of deploy/kubernetes; return its kubeconfig."""
    found.kubectl("apply", "--namespace", namespace, "-f", str(_RIGHTS))
    path = found.kubeconfig_of("localfaas", namespace, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def _check(kubeconfig: Path) -> list[Finding]:
    return list(doctor.check(KubernetesSettings(), {"KUBECONFIG": str(kubeconfig)}))


def _set_rules(found: Cluster, namespace: str, rules: list[object]) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "localfaas"},
        "rules": rules,
    }
    found.kubectl("apply", "--namespace", namespace, "-f", "-", given=yaml.safe_dump(role))


def test_the_role_of_deploy_is_enough(as_account: Path, namespace: str) -> None:
    cluster_found, *rights = _check(as_account)
    assert cluster_found.verdict == "ok"
    assert f"namespace {namespace}" in cluster_found.detail
    assert [each.verdict for each in rights] == ["ok"] * len(RIGHTS)


def test_the_rules_that_are_missing_are_printed_and_mend_it(
    found: Cluster, as_account: Path, namespace: str
) -> None:
    kept: list[object] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    _set_rules(found, namespace, kept)
    _, *findings = _check(as_account)
    verdicts = {each.subject: each.verdict for each in findings}
    assert verdicts["right to pods"] == "problem"
    assert verdicts["right to configmaps"] == "note"
    for each in findings:
        (rule,) = yaml.safe_load(each.remedy.partition(": ")[2])
        kept.append(rule)
    _set_rules(found, namespace, kept)
    assert {each.verdict for each in _check(as_account)} == {"ok"}


def test_a_login_that_the_cluster_refuses_is_told(
    as_account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = yaml.safe_load(as_account.read_text())
    for user in text["users"]:
        user["user"] = {"token": "not-one-of-theirs"}
    as_account.write_text(yaml.safe_dump(text))
    (finding,) = _check(as_account)
    assert finding.verdict == "problem"
    assert "Unauthorized" in finding.detail
