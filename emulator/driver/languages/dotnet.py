""".NET: in AWS's images."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.driver.languages.base import Language


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


LANGUAGE = Dotnet()
