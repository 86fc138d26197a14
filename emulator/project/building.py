"""Functions and layers that have to be built: ``Metadata: BuildMethod``, by ``sam build``.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
building-custom-runtimes.html
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.model.console import Console

#: Where ``sam build`` puts what it has built, a folder for each resource.
_BUILT = Path(".aws-sam") / "build"
#: Seconds that a build may take.
_PATIENCE_S = 900
#: Lines of a failed build that are shown.
_SHOWN = 5


class SamBuild:
    """Builds what a template says has to be built, where SAM CLI is there.

    Args:
        template: The template.
        console: Told of builds, and of what could not be built.
    """

    def __init__(self, template: Path, console: Console) -> None:
        self._template, self._console = template, console
        self._told: set[str] = set()

    def __call__(self, logical: str, resource: Mapping[str, Any]) -> Path | None:
        """Return the built code of a resource; None where its source is to be served. Blocks.

        Args:
            logical: The resource's name in the template.
            resource: The resource.
        """
        metadata = resource.get("Metadata")
        method = metadata.get("BuildMethod") if isinstance(metadata, Mapping) else None
        if not isinstance(method, str) or self._template.parent.name == "build":
            return None
        folder = self._template.parent / _BUILT / logical
        if not folder.is_dir() or _changed_at(folder) < _changed_at(self._source(resource)):
            self._build(logical, method)
        return folder if folder.is_dir() else None

    def _source(self, resource: Mapping[str, Any]) -> Path:
        properties = resource.get("Properties")
        given = properties if isinstance(properties, Mapping) else {}
        path = given.get("CodeUri", given.get("ContentUri", "."))
        return self._template.parent / (path if isinstance(path, str) else ".")

    def _build(self, logical: str, method: str) -> None:
        sam = shutil.which("sam")
        if sam is None:
            self._tell(f"{logical}: to be built by {method}, which needs SAM CLI: `sam build`")
            return
        self._console.info(f"building {logical} by {method} (sam build)")
        command = [sam, "build", logical, "--template-file", str(self._template)]
        try:
            done = subprocess.run(
                [*command, "--build-dir", str(self._template.parent / _BUILT)],
                cwd=self._template.parent,
                env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._tell(f"{logical}: sam build failed: {error}")
            return
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-_SHOWN:]
            self._tell(f"{logical}: sam build failed: {' '.join(said)}")

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._console.warn(text)


def _changed_at(folder: Path) -> float:
    """Return when something in a folder changed last, seconds since the epoch; 0.0 for nothing."""
    latest = 0.0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".aws-sam", "node_modules", ".git")]
        for name in files:
            try:
                latest = max(latest, os.lstat(os.path.join(root, name)).st_mtime)
            except OSError:
                continue  # gone meanwhile
    return latest
