"""deploy/kubernetes on a real cluster: what it takes, and the walk of docs/kubernetes.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.conftest import ROOT, free_port
from tests.acceptance.test_image import docker, image
from tests.cluster import IMAGE, KUBERNETES, SCRIPT, VARIABLE, Cluster, cluster
from tests.needs import unavailable

#: The emulator's image, where the nodes have it already.
_EMULATOR = os.environ.get("LOCALFAAS_TEST_KUBERNETES_EMULATOR", "")
_BASE = ROOT / "deploy/kubernetes/base"
_TEAM = ROOT / "deploy/kubernetes/examples/team"
_NAMESPACE = "localfaas"

# Building and importing the emulator's image takes minutes on a machine that has not done it yet.
pytestmark = [pytest.mark.timeout(1200), *KUBERNETES, pytest.mark.slow]
# Pytest finds it by its name here.
__all__ = ["image"]


@pytest.fixture(scope="module")
def found() -> Cluster:
    return cluster()


@pytest.fixture
def shell(found: Cluster, tmp_path: Path) -> Path:
    """A folder of commands in which ``kubectl`` and ``localfaas`` are those of this test run."""
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = {
        "kubectl": f'{VARIABLE}={found.kubeconfig} exec {SCRIPT} kubectl "$@"',
        "localfaas": f'exec {sys.executable} -m emulator "$@"',
    }
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def nodes_have_the_emulator(
    found: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The name of the emulator's image on the nodes; a volume for it is there, too."""
    name = _EMULATOR
    if not name:
        if not found.own:
            unavailable("needs LOCALFAAS_TEST_KUBERNETES_EMULATOR, an image that the nodes have")
        name = "localfaas:latest"
        docker("tag", request.getfixturevalue("image"), name)
        archive = tmp_path / "localfaas.tar"
        docker("save", name, "-o", str(archive))
        subprocess.run([SCRIPT, "load", str(archive)], check=True, capture_output=True, timeout=300)
        archive.unlink()
    if not found.own:
        yield name
        return
    # A cluster without a provisioner of volumes; its nodes see the files of this machine.
    folder = tmp_path / "state"
    folder.mkdir()
    for each in (folder, *folder.parents):
        each.chmod(each.stat().st_mode | 0o055)
    folder.chmod(0o777)
    volume: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"localfaas-{uuid.uuid4().hex[:8]}"},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(folder)},
        },
    }
    found.kubectl("apply", "-f", "-", given=yaml.safe_dump(volume))
    yield name
    found.kubectl("delete", "pv", volume["metadata"]["name"], "--wait=false")


def commands_of(section: str) -> list[str]:
    """Return the commands of a section of docs/kubernetes.md."""
    text = (ROOT / "docs/kubernetes.md").read_text()
    body = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", body, re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert lines, section
    return lines


def run(shell: Path, commands: list[str], **variables: str) -> str:
    """Run commands one after the other, as somebody types them; return what they print."""
    environ = {**os.environ, "PATH": f"{shell}:{os.environ['PATH']}", **variables}
    script = "\n".join(["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", *commands])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_restricted_namespace_takes_all_of_it_without_a_warning(found: Cluster) -> None:
    with found.namespace() as namespace:
        made = found.kubectl(
            "apply",
            "--namespace",
            namespace,
            "-k",
            str(_BASE),
            "--dry-run=server",
            "--warnings-as-errors",
        )
    kinds = re.findall(r"^(\w+)[./]", made, re.MULTILINE)
    assert sorted(kinds) == [
        "deployment", "persistentvolumeclaim", "role", "rolebinding", "service", "serviceaccount",
    ]  # fmt: skip


def test_the_walk_from_this_machine(found: Cluster, shell: Path) -> None:
    port = free_port()
    commands = [
        each for each in commands_of("From your machine") if not each.startswith("pip install")
    ]
    with found.namespace() as namespace:
        said = run(
            shell,
            commands,
            KUBECONFIG=str(found.kubeconfig),
            LOCALFAAS_NAMESPACE=namespace,
            LOCALFAAS_PORT=str(port),
            LOCALFAAS_ENDPOINT=f"http://localhost:{port}",
            LOCALFAAS_IMAGE=f"python3.12={IMAGE}",
        )
    assert '"message": "Hello, pods!"' in said.replace('":"', '": "')


def test_the_walk_into_the_cluster(
    found: Cluster, shell: Path, nodes_have_the_emulator: str
) -> None:
    port = free_port()
    commands = []
    for each in commands_of("In the cluster"):
        if each.startswith(("docker build", "kind load")):
            continue
        commands.append(each.replace(" 4566:4566", f" {port}:4566"))
        if each.startswith("kubectl apply"):
            # No registry may be there: functions run in the tests' image.
            deployment = f"kubectl -n {_NAMESPACE} set {{}} deployment/localfaas {{}}"
            commands.append(deployment.format("env", f"LOCALFAAS_IMAGE=python3.12={IMAGE}"))
            commands.append(deployment.format("image", f"emulator={nodes_have_the_emulator}"))
    try:
        said = run(shell, commands, LOCALFAAS_ENDPOINT=f"http://localhost:{port}")
    except AssertionError:
        print(found.kubectl("-n", _NAMESPACE, "describe", "pods"))
        print(found.kubectl("-n", _NAMESPACE, "logs", "deployment/localfaas"))
        found.kubectl("delete", "-k", str(_TEAM))
        raise
    assert "Hello, cluster!" in said
    # With the emulator, its functions' pods have gone.
    assert found.get("pods", "--namespace", _NAMESPACE)["items"] == []
