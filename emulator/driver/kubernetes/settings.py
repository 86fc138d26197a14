"""The settings of the Kubernetes driver."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.settings import option

_PANEL = "Kubernetes driver"


def _directory() -> Path:
    return Path(tempfile.gettempdir()) / f"localfaas-pods-{os.getuid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """The settings of the Kubernetes driver."""

    namespace: str = option(
        "",
        "The namespace that functions run in. Default: that of the kubeconfig's context, or of the "
        "emulator's own pod.",
        _PANEL,
        hide_default=True,
    )
    context: str = option(
        "",
        "The kubeconfig's context to use, instead of its current one.",
        _PANEL,
        flag="--kube-context",
        hide_default=True,
    )
    pod_template: Path | None = option(
        None,
        "A file with a pod (YAML or JSON) that functions' pods have what they lack from: labels, "
        "tolerations, pull secrets, requests.",
        _PANEL,
        metavar="FILE",
    )
    #: Images by runtime identifier.
    images: Mapping[str, str] = field(default_factory=dict)
    #: The address at which pods reach this machine; empty to find out, or to dial in.
    advertise: str = ""
    #: Stem cells kept ready for each image and size in use.
    stems: int = 3
    #: Where locks of instances are, and what is packed for pods.
    directory: Path = field(default_factory=_directory)
