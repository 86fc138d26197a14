"""Custom runtimes: the function's code or a layer brings what speaks the Runtime API."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.driver.languages.base import LIBRARIES, PATH, Language


class Provided(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "provided"
    title = "custom runtimes"
    brings_program = True

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        # Amazon Linux 2's has no language of its own below /var/lang.
        if runtime == "provided.al2":
            return {"LD_LIBRARY_PATH": LIBRARIES, "PATH": PATH}
        return {}


LANGUAGE = Provided()
