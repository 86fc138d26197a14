"""What doctor says of Kubernetes where there is no cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emulator.driver.kubernetes import doctor
from emulator.driver.kubernetes.settings import KubernetesSettings


@pytest.fixture(autouse=True)
def no_service_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_ACCOUNT", tmp_path / "none")
    monkeypatch.setenv("HOME", str(tmp_path))


def test_no_cluster_is_one_line() -> None:
    (finding,) = doctor.glance({})
    assert finding.verdict == "note"
    assert finding.detail.startswith("no cluster")
    assert "kind create cluster" in finding.remedy


def test_no_cluster_is_a_problem_where_the_driver_is_asked_for() -> None:
    (finding,) = doctor.check(KubernetesSettings(), {})
    assert finding.verdict == "problem"


def test_a_cluster_that_nobody_asks_for_is_not_spoken_to(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("this is no kubeconfig")
    (finding,) = doctor.glance({"KUBECONFIG": str(config)})
    assert finding.verdict == "ok"
    assert str(config) in finding.detail


@pytest.mark.parametrize(
    "text",
    ["", "a: [", "clusters: []", "clusters: []\ncontexts: []\ncurrent-context: none", "- 1"],
)
def test_a_kubeconfig_that_is_none_is_told(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightkube")
    config = tmp_path / "config"
    config.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(config))
    (finding,) = doctor.check(KubernetesSettings(), {"KUBECONFIG": str(config)})
    assert finding.verdict == "problem"
    assert str(config) in finding.detail


def test_a_cluster_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightkube")
    config = tmp_path / "config"
    config.write_text(
        """
        clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
        contexts: [{name: c, context: {cluster: c, user: u}}]
        users: [{name: u, user: {token: t}}]
        current-context: c
        """
    )
    monkeypatch.setenv("KUBECONFIG", str(config))
    (finding,) = doctor.check(KubernetesSettings(), {"KUBECONFIG": str(config)})
    assert finding.verdict == "problem"
    assert "127.0.0.1:9" in finding.detail


def test_a_glance_imports_no_client() -> None:
    program = (
        "import sys\n"
        "from emulator.driver.kubernetes import doctor\n"
        "list(doctor.glance({}))\n"
        "sys.exit('lightkube' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
