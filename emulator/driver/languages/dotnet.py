""".NET: AWS's dotnet runtimes, on the shared runtimes of this machine, or in images.

A handler is the name of an executable assembly, which brings AWS's runtime client itself, or
``Assembly::Namespace.Class::Method`` of a class library, which the client of this machine loads.
https://docs.aws.amazon.com/lambda/latest/dg/csharp-handler.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from emulator.code.inside import is_there
from emulator.driver.languages.base import (
    Command,
    Interpreter,
    Language,
    Seen,
    folders_on_path,
    glob,
)

#: The folder of an installation whose folders are the releases that it has.
_RUNTIMES = "shared/Microsoft.NETCore.App"
#: The oldest release that AWS still runs functions on.
_OLDEST = 6
#: A class library's main assembly, where its name is not what the handler begins with.
_MAIN_ASSEMBLY = "LAMBDA_DOTNET_MAIN_ASSEMBLY"
#: AWS gives these an empty file of certificates, as .NET reads those of the system's folder, too.
_READS_CERTIFICATES_ONCE = ("dotnet8",)
_NO_CERTIFICATES = "empty-certificates.crt"
#: Says what is wrong and ends as AWS's own start script ends.
_REFUSE = 'echo "Error: $1" >&2; exit "$2"'
_VERSION = re.compile(r"\d+")


class Dotnet(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "dotnet"
    title = ".NET"
    frames_logs = True
    starts_in_shell = True
    identifier = re.compile(r"dotnet(\d+)$")
    served = "dotnet6 and later"
    newer_runs_older = True
    home = "/var/lang/bin"

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        found = super().variables(runtime, version, common)
        found |= {"DOTNET_ROOT": self.home, "LAMBDA_RUNTIME_NAME": runtime}
        if runtime in _READS_CERTIFICATES_ONCE:
            found["SSL_CERT_FILE"] = f"/var/runtime/{_NO_CERTIFICATES}"
        return found

    def shown(self, bootstrap: Path) -> list[tuple[Path, str]]:
        return [(bootstrap / _NO_CERTIFICATES, _NO_CERTIFICATES)]

    def variables_outside(self, interpreter: Interpreter) -> dict[str, str]:
        return {"DOTNET_ROOT": str(interpreter.prefix)}

    def runtime_of(self, release: int) -> str:
        return f"dotnet{release}"

    def title_of(self, release: int) -> str:
        return f".NET {release}"

    def prefix_of(self, executable: Path) -> Path:
        return executable.parent

    def candidates(self) -> Iterator[Path]:
        if root := os.environ.get("DOTNET_ROOT"):
            yield Path(root, "dotnet")
        places = [*folders_on_path(), Path.home() / ".dotnet"]
        places += map(Path, ("/usr/share/dotnet", "/usr/lib/dotnet", "/usr/local/share/dotnet"))
        yield from (place / "dotnet" for place in places)

    def releases_of(self, executable: Path) -> Sequence[int]:
        names = (each.name for each in glob(executable.parent / _RUNTIMES, "*"))
        found = {int(match[0]) for name in names if (match := _VERSION.match(name))}
        return sorted(release for release in found if release >= _OLDEST)

    def own_command(self, seen: Seen) -> Command:
        """Return what AWS's start script executes."""
        start = [seen.program, "exec"]
        exact = seen.environ.get("AWS_EXECUTION_ENV") == f"AWS_Lambda_{seen.interpreter.runtime}"
        if not exact:
            start += ["--roll-forward", "Major"]
        assembly, colon, _ = seen.handler.partition(":")
        return _class_library(seen, start, assembly) if colon else _executable(seen, start)


def _executable(seen: Seen, start: list[str]) -> Command:
    binary = f"{seen.task}/{seen.handler}"
    assembly = binary if binary.endswith(".dll") else f"{binary}.dll"
    if is_there(assembly, seen.roots):
        return Command([*start, assembly])
    if is_there(binary, seen.roots):
        return Command([binary])
    return _refusal(f"executable assembly {assembly} or binary {binary} not found.", 104)


def _class_library(seen: Seen, start: list[str], assembly: str) -> Command:
    from emulator.driver.languages import dotnet_client

    assembly = seen.environ.get(_MAIN_ASSEMBLY, assembly).removesuffix(".dll")
    described = []
    for option, suffix, status in (
        ("--depsfile", ".deps.json", 105),
        ("--runtimeconfig", ".runtimeconfig.json", 106),
    ):
        found = _described_by(seen, assembly, suffix)
        if not found:
            return _refusal(
                ".NET binaries for Lambda function are not correctly installed in the"
                f" {seen.task} directory of the image when the image was built. The {seen.task}"
                f" directory is missing the required {suffix} file.",
                status,
            )
        described += [option, found]
    folders = dotnet_client.folders(seen.interpreter.release)
    places = [seen.runtime] if seen.runtime else list(map(str, folders))
    program = f"{places[0]}/{dotnet_client.BOOTSTRAP}"
    return Command([*start, *described, program, seen.handler, *places], folders)


def _described_by(seen: Seen, assembly: str, suffix: str) -> str:
    """Return the file that describes an assembly: its own, else the only one; empty for none."""
    own = f"{seen.task}/{assembly}{suffix}"
    if is_there(own, seen.roots):
        return own
    names = [path.name for path in glob(seen.code, f"[!.]*{suffix}")]
    return f"{seen.task}/{names[0]}" if len(names) == 1 else ""


def _refusal(text: str, status: int) -> Command:
    return Command(["/bin/sh", "-c", _REFUSE, "bootstrap", text, str(status)])


LANGUAGE = Dotnet()
