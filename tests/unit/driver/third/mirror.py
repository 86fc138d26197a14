"""A runtime language that is one module and one line. It answers with what it was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.driver.languages.base import ContainerStart, Language
from emulator.driver.languages.python import own_interpreter

#: Answers each event with the handler's name and the event, over the Runtime API.
_BOOTSTRAP = Path(__file__).parent / "mirror_bootstrap.py"


class Mirror(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "mirror"
    title = "Mirror"
    identifier = re.compile(r"mirror(\d+)$")
    served = "mirror"
    container = ContainerStart(
        stem="{folder}/bootstrap --stem",
        alone="{folder}/bootstrap",
        interpreters=("/var/lang/bin/mirror{version}",),
        base_image="mirror:{version}",
    )

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        return super().variables(runtime, version, common) | {"MIRROR_VERSION": version}

    def runtime_of(self, release: int) -> str:
        return f"mirror{release}"

    def title_of(self, release: int) -> str:
        return f"Mirror {release}"

    def candidates(self) -> Iterator[Path]:
        yield own_interpreter()

    def release_of(self, executable: Path) -> int | None:
        return 2

    def command(
        self, folder: str, *, official: bool, search_path: str, handler: str
    ) -> tuple[list[str], bool]:
        return ["-I", f"{folder}/{_BOOTSTRAP.name}"], False

    def shown(self, bootstrap: Path) -> list[tuple[Path, str]]:
        return [(_BOOTSTRAP, _BOOTSTRAP.name)]


LANGUAGE = Mirror()
