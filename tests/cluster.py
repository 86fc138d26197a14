"""A Kubernetes cluster for tests: the one that is named, or that of tests/kubernetes_cluster.sh."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.needs import unavailable

SCRIPT = Path(__file__).parent / "kubernetes_cluster.sh"
#: Its kubeconfig, of somebody who may do everything.
VARIABLE = "LOCALFAAS_TEST_KUBECONFIG"
#: An image with Python that its nodes have or can pull.
IMAGE = os.environ.get("LOCALFAAS_TEST_KUBERNETES_IMAGE", "localfaas-test/base:1")

#: One process runs them all: some take a node away.
KUBERNETES = [
    pytest.mark.kubernetes,
    pytest.mark.xdist_group("kubernetes"),
]


@dataclass(frozen=True)
class Cluster:
    """A cluster, with all rights."""

    kubeconfig: Path
    #: Whether it is the script's, so that tests may take its nodes away.
    own: bool

    def kubectl(
        self, *words: str, given: str = "", fails: bool = False, timeout_s: float = 90
    ) -> str:
        """Run kubectl and return what it prints.

        Args:
            words: Its arguments.
            given: What it reads.
            fails: Whether it has to fail; its error is returned then.
            timeout_s: For how long it may run.
        """
        done = subprocess.run(
            [SCRIPT, "kubectl", *words],
            input=given,
            text=True,
            capture_output=True,
            timeout=timeout_s,
            env={**os.environ, VARIABLE: str(self.kubeconfig)},
        )
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    def get(self, *words: str) -> Any:
        """Return what ``kubectl get`` tells, as JSON."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """Make a namespace that enforces Pod Security "restricted", and remove it."""
        name = f"localfaas-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")

    def kubeconfig_of(self, account: str, namespace: str, folder: Path) -> Path:
        """Write a kubeconfig with the rights of a service account, which must be there."""
        path = folder / f"{account}.kubeconfig"
        path.write_text(self.kubectl("config", "view", "--raw", "--flatten", "--minify"))
        token = self.kubectl("create", "token", account, "--namespace", namespace).strip()
        config = Cluster(path, own=False)
        config.kubectl("config", "set-credentials", account, f"--token={token}")
        config.kubectl(
            "config", "set-context", "--current", f"--user={account}", f"--namespace={namespace}"
        )
        return path


@cache
def _kubeconfig_of_script() -> Path:
    done = subprocess.run([SCRIPT, "kubeconfig"], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def cluster() -> Cluster:
    """Return the cluster of this test run; skip (in CI: fail) without one."""
    own = _kubeconfig_of_script()
    given = os.environ.get(VARIABLE)
    path = Path(given) if given else own
    if not path.exists():
        unavailable(f"needs a Kubernetes cluster: {VARIABLE}=FILE, or `tests/{SCRIPT.name} up 2`")
    return Cluster(path, own=path == own)
