"""Ruby: AWS's ruby3.x runtimes, on interpreters of this machine or in images."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from emulator.driver.languages.base import (
    LIBRARIES,
    PATH,
    Language,
    folders_on_path,
    glob,
    newest_first,
)

_EXECUTABLE = re.compile(r"ruby(?:3\.?(\d+))?$")
_TOLD = re.compile(r"ruby 3\.(\d+)")


class Ruby(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "ruby"
    title = "Ruby"
    frames_logs = True
    starts_in_shell = True
    identifier = re.compile(r"ruby3\.(\d+)$")
    served = "ruby3.2 and later"
    has_stem_cells = True
    # Our bootstrap sees to RUBYLIB and the folders of gems.
    start_up_variables = "RUBYOPT$|RUBY_"

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        return super().variables(runtime, version, common) | {
            "PATH": f"/var/lang/bin:/var/lang/bin:{PATH}",
            "LD_LIBRARY_PATH": f"/var/lang/lib:/var/lang/lib:{LIBRARIES}",
            "GEM_HOME": "/var/runtime",
            "GEM_PATH": (
                f"/var/task/vendor/bundle/ruby/{version}.0:/opt/ruby/gems/{version}.0:"
                f"/var/runtime:/var/runtime/ruby/{version}.0"
            ),
            "RUBYLIB": "/var/task:/var/runtime/lib:/opt/ruby/lib",
        }

    def runtime_of(self, release: int) -> str:
        return f"ruby3.{release}"

    def title_of(self, release: int) -> str:
        return f"Ruby 3.{release}"

    def candidates(self) -> Iterator[Path]:
        for folder in folders_on_path():
            yield from (path for path in glob(folder, "ruby*") if _EXECUTABLE.match(path.name))
        home = Path.home()
        rbenv = Path(os.environ.get("RBENV_ROOT", home / ".rbenv"))
        for root, pattern in (
            (rbenv / "versions", "*/bin/ruby"),
            (home / ".rubies", "*/bin/ruby"),
            (home / ".rvm/rubies", "*/bin/ruby"),
            (home / ".asdf/installs/ruby", "*/bin/ruby"),
            (home / ".local/share/mise/installs/ruby", "*/bin/ruby"),
            (Path("/opt/rubies"), "*/bin/ruby"),
        ):
            yield from newest_first(root, pattern)

    def release_of(self, executable: Path) -> int | None:
        match = _EXECUTABLE.match(executable.name)
        if match is None:
            return None
        return int(match[1]) if match[1] else _asked(executable)

    def command(
        self, folder: str, *, official: bool, search_path: str, handler: str
    ) -> tuple[list[str], bool]:
        return [f"{folder}/bootstrap.rb"], False

    def stem_command(self, folder: str) -> list[str]:
        return [f"{folder}/bootstrap.rb", "--channel"]

    def shown(self, bootstrap: Path) -> list[tuple[Path, str]]:
        own = [(bootstrap / "bootstrap.rb", "bootstrap.rb")]
        own += [(ruby_gems() / name, name) for name in ("gems", "specifications", "extensions")]
        return [(path, name) for path, name in own if path.exists()]


@cache
def _asked(executable: Path) -> int | None:
    """Return the release that an interpreter says it is."""
    import subprocess

    try:
        told = subprocess.run(
            [str(executable), "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _TOLD.match(told.stdout)
    return int(found[1]) if found else None


def ruby_gems() -> Path:
    """Return the folder of gems that all Ruby functions find after their own.

    On AWS it holds the AWS SDK; here the user installs what is needed:
    ``gem install --install-dir ~/.localfaas/ruby aws-sdk-s3``.
    """
    return Path.home() / ".localfaas" / "ruby"


LANGUAGE = Ruby()
