"""Functions and layers that have to be built: ``Metadata: BuildMethod``.

By ``sam build`` where SAM CLI is there. Makefiles need only ``make`` without it, and TypeScript is
built by :mod:`emulator.code.typescript` unless its properties say more than that does.

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
#: Folders in which nothing is a source.
_ASIDE = (".aws-sam", "node_modules", ".git", "target")
#: Lines of a failed build that are shown.
_SHOWN = 5


#: The properties of ``BuildMethod: esbuild`` that say no more than what is done anyway.
_USUAL = frozenset(("EntryPoints", "Target", "Minify", "Sourcemap"))


#: Languages whose layers are built without SAM CLI, with the files that name packages: those are
#: installed when a function first wants them.
_LANGUAGES = {
    "python": ("requirements.txt",),
    "nodejs": ("package.json", "package-lock.json", "npm-shrinkwrap.json"),
}


class SamBuild:
    """Builds what a template says has to be built.

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
        if method == "esbuild" and _is_usual(resource["Metadata"]):
            return None  # from its sources, whenever they change
        is_layer = str(resource.get("Type")).endswith("::LayerVersion")
        language = next((each for each in _LANGUAGES if method.startswith(each)), "")
        is_ours = bool(language) and shutil.which("sam") is None
        if is_ours and not is_layer:
            return None  # from its sources: its packages are installed anyway
        folder = self._template.parent / _BUILT / logical
        if is_ours and _changed_at(folder) < _changed_at(self._source(resource)):
            _arrange(self._source(resource), folder, language)
        elif not folder.is_dir() or _changed_at(folder) < _changed_at(self._source(resource)):
            self._build(logical, method, self._source(resource))
        return folder if folder.is_dir() else None

    def _source(self, resource: Mapping[str, Any]) -> Path:
        properties = resource.get("Properties")
        given = properties if isinstance(properties, Mapping) else {}
        path = given.get("CodeUri", given.get("ContentUri", "."))
        return self._template.parent / (path if isinstance(path, str) else ".")

    def _build(self, logical: str, method: str, source: Path) -> None:
        built = self._template.parent / _BUILT
        sam, make = shutil.which("sam"), shutil.which("make")
        if sam is not None:
            program, where, environ = "sam build", self._template.parent, {"SAM_CLI_TELEMETRY": "0"}
            command = [sam, "build", logical, "--template-file", str(self._template)]
            command += ["--build-dir", str(built)]
        elif method == "makefile" and make is not None:
            # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
            # building-custom-runtimes.html
            program, where, environ = "make", source, {"ARTIFACTS_DIR": str(built / logical)}
            command = [make, f"build-{logical}"]
        else:
            self._tell(f"{logical}: to be built by {method}, which needs SAM CLI: `sam build`")
            return
        self._console.info(f"building {logical} by {method} ({program})")
        if not self._run(logical, program, command, where, environ) and program == "make":
            shutil.rmtree(built / logical, ignore_errors=True)  # half of it is none

    def _run(
        self, logical: str, program: str, command: list[str], where: Path, environ: dict[str, str]
    ) -> bool:
        """Run a build; return whether it went well."""
        if artifacts := environ.get("ARTIFACTS_DIR"):
            shutil.rmtree(artifacts, ignore_errors=True)
            os.makedirs(artifacts)
        try:
            done = subprocess.run(
                command,
                cwd=where,
                env={**os.environ, **environ},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._tell(f"{logical}: {program} failed: {error}")
            return False
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-_SHOWN:]
            self._tell(f"{logical}: {program} failed: {' '.join(said)}")
        return done.returncode == 0

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._console.warn(text)


def _arrange(source: Path, folder: Path, language: str) -> None:
    """Make a layer of sources: they lie in a folder of the language, what they need beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    inside = folder / ("python" if language == "python" else "nodejs")
    ignored = shutil.ignore_patterns(*_ASIDE, *_LANGUAGES[language])
    shutil.copytree(source, inside, ignore=ignored, symlinks=True)
    for name in _LANGUAGES[language]:
        if (source / name).is_file():
            shutil.copy2(source / name, folder / name)


def _is_usual(metadata: Mapping[str, Any]) -> bool:
    properties = metadata.get("BuildProperties") or {}
    return isinstance(properties, Mapping) and properties.keys() <= _USUAL


def _changed_at(folder: Path) -> float:
    """Return when something in a folder changed last, seconds since the epoch; 0.0 for nothing."""
    latest = 0.0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _ASIDE]
        for name in files:
            try:
                latest = max(latest, os.lstat(os.path.join(root, name)).st_mtime)
            except OSError:
                continue  # gone meanwhile
    return latest
