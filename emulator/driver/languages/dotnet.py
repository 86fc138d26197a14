""".NET: in AWS's images.

AWS's runtime client for .NET is a package of NuGet's, built with an SDK of .NET. Without Docker, a
function that brings it (an executable assembly, ``provided.al2023``) runs as custom runtimes do.
https://docs.aws.amazon.com/lambda/latest/dg/csharp-handler.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.driver.languages.base import Language, folders_on_path


class Dotnet(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "dotnet"
    title = ".NET"
    frames_logs = True
    starts_in_shell = True

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        return super().variables(runtime, version, common) | {
            "DOTNET_ROOT": "/var/lang/bin",
            "LAMBDA_RUNTIME_NAME": runtime,
        }

    def without_images(self) -> str:
        there = next((path for path in _places() if os.access(path, os.X_OK)), None)
        looked = ", ".join(dict.fromkeys(str(path.parent) for path in _places()))
        dotnet = f"dotnet is at {there}" if there else f"no dotnet in {looked}"
        return (
            "AWS's runtime client for .NET is in its images alone. To run the function as a"
            " process, make it an executable assembly with Amazon.Lambda.RuntimeSupport, publish"
            " it for linux-x64, self-contained, as bootstrap, and declare provided.al2023"
            f" ({dotnet})"
        )


def _places() -> Iterator[Path]:
    """Yield where the program ``dotnet`` may be."""
    if root := os.environ.get("DOTNET_ROOT"):
        yield Path(root) / "dotnet"
    folders = [*folders_on_path(), Path.home() / ".dotnet"]
    folders += [Path("/usr/share/dotnet"), Path("/usr/lib/dotnet")]
    yield from (folder / "dotnet" for folder in folders)


LANGUAGE = Dotnet()
