"""Ruby: in AWS's images."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.driver.languages.base import LIBRARIES, PATH, Language


class Ruby(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "ruby"
    title = "Ruby"
    frames_logs = True
    starts_in_shell = True

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


LANGUAGE = Ruby()
