"""Java: in AWS's images."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.driver.languages.base import Language

#: Runtimes with version 1 of the Java SDK, which reads the names of credentials it had first.
_FIRST_SDK = ("java8.al2", "java11")


class Java(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "java"
    title = "Java"
    frames_logs = True

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        found = super().variables(runtime, version, common)
        if runtime in _FIRST_SDK:
            found["AWS_ACCESS_KEY"] = common["AWS_ACCESS_KEY_ID"]
            found["AWS_SECRET_KEY"] = common["AWS_SECRET_ACCESS_KEY"]
        return found


LANGUAGE = Java()
