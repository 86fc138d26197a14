"""Which image an environment runs in."""

from __future__ import annotations

from emulator.driver.images import public_image
from emulator.driver.kubernetes.sandbox import Plan
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.driver.languages.table import language, split_runtime
from emulator.model.errors import ConfigurationError
from emulator.model.sandbox import EnvironmentSpec


class Runtimes:
    """Images by runtime, mapped or AWS's.

    Args:
        settings: The driver's options.
    """

    def __init__(self, settings: KubernetesSettings) -> None:
        self._settings = settings

    def check(self, runtime: str) -> None:
        """Return if functions of a runtime can run here.

        Raises:
            ConfigurationError: They can't; the text names the remedy.
        """
        self._language(runtime)

    def _language(self, runtime: str) -> tuple[str, str]:
        name, version = split_runtime(runtime)
        found = language(name)
        if found is None or found.container is None or not found.container.loader:
            raise ConfigurationError(
                f"--driver kubernetes runs zip functions in Python and Node.js, not {runtime}:"
                " make it a function of an image (PackageType=Image), or use another driver"
            )
        return name, version

    def plan(self, spec: EnvironmentSpec) -> Plan:
        """Say what an environment is made from.

        Raises:
            ConfigurationError: As for :meth:`check`.
        """
        if spec.image:
            return Plan(
                image=spec.image,
                architecture=spec.architecture,
                memory_mb=spec.memory_mb,
                storage_mb=spec.ephemeral_storage_mb,
            )
        return self.plan_runtime(
            spec.runtime, spec.architecture, spec.memory_mb, spec.ephemeral_storage_mb
        )

    def plan_runtime(
        self, runtime: str, architecture: str, memory_mb: int = 128, storage_mb: int = 512
    ) -> Plan:
        """Say what zip functions of ``runtime`` run in; at first as small as on AWS.

        Raises:
            ConfigurationError: As for :meth:`check`.
        """
        name, version = self._language(runtime)
        return Plan(
            image=self._settings.images.get(runtime) or public_image(runtime),
            architecture=architecture,
            language=name,
            version=version,
            memory_mb=memory_mb,
            storage_mb=storage_mb,
        )
