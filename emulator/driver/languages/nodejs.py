"""Node.js: AWS's nodejs runtimes, on interpreters of this machine or in images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

from emulator.driver.languages.base import (
    ContainerStart,
    Interpreter,
    Language,
    folders_on_path,
    glob,
    newest_first,
)

#: The file of certificates that AWS's older runtimes add to Node's own.
CERTIFICATES = "/var/runtime/ca-cert.pem"
#: The last release of Node.js whose AWS runtime adds certificates of its own.
_CERTIFICATES_UNTIL = 18
#: The machine's own certificates, at Debian's path.
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
#: Features that AWS turns off (``require`` of ES modules, detecting modules by their syntax), with
#: the first version that has the option. Source:
#: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/138
_OFF = {"require-module": (20, 17), "detect-module": (20, 10)}
#: Where an installation says its version in a file.
_HEADER = "include/node/node_version.h"


class NodeJs(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "nodejs"
    title = "Node.js"
    frames_logs = True
    starts_in_shell = True
    debugs = True
    identifier = re.compile(r"nodejs(\d+)(?:\.x)?$")
    served = "nodejs"
    has_stem_cells = True
    start_up_variables = "NODE_OPTIONS$|NODE_EXTRA_|UV_"
    harmless: ClassVar[Mapping[str, str]] = {"NODE_EXTRA_CA_CERTS": CERTIFICATES}
    container = ContainerStart(
        stem="{folder}/bootstrap.mjs --channel",
        alone="{folder}/bootstrap.mjs",
        interpreters=("/var/lang/bin/node", "node", "nodejs"),
        base_image="node:{version}-slim",
        loader="-e",
        supervisor_mb=48,
        shell_stays=True,
    )

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        found = super().variables(runtime, version, common)
        major = version.partition(".")[0]
        found["NODE_PATH"] = (
            f"/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules:"
            "/var/runtime/node_modules:/var/runtime:/var/task"
        )
        if int(major) <= _CERTIFICATES_UNTIL:
            found["NODE_EXTRA_CA_CERTS"] = CERTIFICATES
        return found

    def runtime_of(self, release: int) -> str:
        return f"nodejs{release}.x"

    def title_of(self, release: int) -> str:
        return f"Node.js {release}"

    def candidates(self) -> Iterator[Path]:
        for folder in folders_on_path():
            yield from glob(folder, "node")
        home = Path.home()
        for root, pattern in (
            (home / ".nvm/versions/node", "*/bin/node"),
            (home / ".local/share/fnm/node-versions", "*/installation/bin/node"),
            (home / ".volta/tools/image/node", "*/bin/node"),
            (home / ".nodenv/versions", "*/bin/node"),
        ):
            yield from newest_first(root, pattern)

    def release_of(self, executable: Path) -> int | None:
        return _version(executable)[0] or None

    def command(
        self, folder: str, *, official: bool, search_path: str, handler: str
    ) -> tuple[list[str], bool]:
        return [f"{folder}/bootstrap.mjs"], False

    def options(self, interpreter: Interpreter, environ: Mapping[str, str]) -> list[str]:
        """Return AWS's options for Node.js 20 and later, unless NODE_OPTIONS overrides them."""
        version = _version(interpreter.executable)
        return [_off(feature) for feature in _wanted_off(environ) if version >= _OFF[feature]]

    def container_options(self, environ: Mapping[str, str]) -> list[str]:
        """See :meth:`options`; here the version is known only inside the container."""
        return [_off(feature) for feature in _wanted_off(environ)]

    def stem_command(self, folder: str) -> list[str]:
        return [f"{folder}/bootstrap.mjs", "--channel"]

    def shown(self, bootstrap: Path) -> list[tuple[Path, str]]:
        own = [(path, path.name) for path in sorted(bootstrap.glob("*.[mc]js"))]
        own += [(_CERTIFICATES, Path(CERTIFICATES).name), (node_packages(), "node_modules")]
        return [(path, name) for path, name in own if path.exists()]


def _off(feature: str) -> str:
    return f"--no-experimental-{feature}"


def _wanted_off(environ: Mapping[str, str]) -> list[str]:
    """Return the features that AWS turns off, except those that NODE_OPTIONS asks for."""
    asked = environ.get("NODE_OPTIONS", "").split()
    return [feature for feature in _OFF if f"--experimental-{feature}" not in asked]


@cache
def _version(executable: Path) -> tuple[int, int]:
    """Return an interpreter's major and minor version; (0, 0) if it does not say."""
    import subprocess

    header = executable.parent.parent / _HEADER
    try:
        text = header.read_text() if header.exists() else ""
        found = re.search(r"NODE_MAJOR_VERSION (\d+)\n#define NODE_MINOR_VERSION (\d+)", text)
        if found is None:
            command = [str(executable), "--version"]
            asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
            found = re.match(r"v(\d+)\.(\d+)", asked.stdout)
    except (OSError, subprocess.SubprocessError):
        return 0, 0
    return (int(found[1]), int(found[2])) if found else (0, 0)


def node_packages() -> Path:
    """Return the folder of packages that all Node.js functions search after their own.

    On AWS it holds the AWS SDK, some 80 MB; here the user installs the packages that are
    needed: ``npm install --prefix ~/.localfaas/nodejs @aws-sdk/client-s3``.
    """
    return Path.home() / ".localfaas" / "nodejs" / "node_modules"


LANGUAGE = NodeJs()
