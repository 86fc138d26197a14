"""The declaration of the Kubernetes driver."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.driver.declaration import DriverDeclaration, DriverSetup, Finding
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.model.errors import ConfigurationError

if TYPE_CHECKING:
    from emulator.driver.base import Driver


def _make(setup: DriverSetup) -> Driver:
    from emulator.driver.conventions import runtimes_folder
    from emulator.driver.kubernetes.driver import KubernetesDriver

    assert isinstance(setup.options, KubernetesSettings)
    if setup.settings.bootstrap != "localfaas":
        raise ConfigurationError("--driver kubernetes needs --bootstrap localfaas")
    # Options that drivers of containers share are declared once, by Docker's.
    containers = setup.settings.driver_options.get("docker")
    settings = replace(
        setup.options,
        images=getattr(containers, "images", {}),
        advertise=getattr(containers, "advertise", ""),
        stems=setup.settings.stem_cells,
    )
    return KubernetesDriver(
        settings, bootstraps=runtimes_folder(), environ=setup.environ, console=setup.console
    )


def _checks() -> Iterable[Finding]:
    from emulator.driver.kubernetes.doctor import glance

    return glance(os.environ)


def _asked(options: KubernetesSettings, environ: Mapping[str, str]) -> Iterable[Finding]:
    from emulator.driver.kubernetes.doctor import check

    return check(options, environ)


DECLARATION = DriverDeclaration(
    name="kubernetes",
    where="in pods",
    make=_make,
    options=KubernetesSettings,
    freezes=True,
    checks=_checks,
    asked=_asked,
)
