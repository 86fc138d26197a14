"""What invocations would cost on AWS, by its public prices.

Source of the prices, and their date: ``data/prices.toml``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.model.errors import ConfigurationError
from emulator.model.limits import MB_PER_VCPU

_SHIPPED = Path(__file__).with_name("data") / "prices.toml"


@dataclass(frozen=True, slots=True)
class Prices:
    """Public prices, US dollars."""

    dated: str
    region: str
    #: The page they come from.
    source: str
    #: By section and name, as in the file.
    figures: Mapping[str, Mapping[str, float]]

    def invocation(
        self,
        *,
        memory_mb: int,
        billed_ms: float,
        architecture: str = "x86_64",
        provisioned: bool = False,
        storage_mb: int = 512,
    ) -> float:
        """Return what one invocation costs.

        Args:
            memory_mb: The function's memory.
            billed_ms: Its duration, that of INIT or restore included; each begun millisecond
                counts.
            architecture: "x86_64" or "arm64".
            provisioned: Whether it ran in an environment of provisioned concurrency.
            storage_mb: The size of /tmp.
        """
        return self.invocations(
            1,
            memory_mb=memory_mb,
            billed_s=math.ceil(billed_ms) / 1000,
            architecture=architecture,
            provisioned=provisioned,
            storage_mb=storage_mb,
        )

    def invocations(
        self,
        count: int,
        *,
        memory_mb: int,
        billed_s: float,
        architecture: str = "x86_64",
        provisioned: bool = False,
        storage_mb: int = 512,
    ) -> float:
        """Return what ``count`` invocations cost that are billed ``billed_s`` seconds together."""
        lambda_ = self.figures["lambda"]
        if provisioned:
            rate = self.figures["provisioned"][f"duration_gb_second_{architecture}"]
        else:
            rate = lambda_[f"gb_second_{architecture}"]
        storage = max(0, storage_mb - 512) / 1024 * billed_s * lambda_["storage_gb_second"]
        return count * lambda_["request"] + memory_mb / 1024 * billed_s * rate + storage

    def provisioned(
        self, *, memory_mb: int, environments: int, seconds: float, architecture: str = "x86_64"
    ) -> float:
        """Return what keeping environments ready costs, without the invocations in them."""
        rate = self.figures["provisioned"][f"gb_second_{architecture}"]
        return memory_mb / 1024 * environments * seconds * rate

    def snapstart(
        self, *, memory_mb: int, versions: int, cached_s: float, restores: int, runtime: str
    ) -> float:
        """Return what snapshots cost: the cache of each version, and all restores.

        Java pays nothing.

        Args:
            memory_mb: The function's memory.
            versions: Published versions with a snapshot.
            cached_s: How long each version's snapshot is there; three hours are paid at least.
            restores: How often a snapshot was restored.
            runtime: AWS's identifier.
        """
        if runtime.startswith("java"):
            return 0.0
        figures, cached_s = self.figures["snapstart"], max(cached_s, 3 * 3600.0)
        cache = versions * cached_s * figures["cache_gb_second"]
        return memory_mb / 1024 * (cache + restores * figures["restore_gb"])

    def queue(self, requests: int) -> float:
        """Return what requests to SQS cost: sends, receives and deletes."""
        return requests * self.figures["sqs"]["request"]

    def container(self, *, memory_mb: int, seconds: float) -> float:
        """Return what a container of the same size costs that always runs."""
        figures, hours = self.figures["container"], seconds / 3600
        vcpus = memory_mb / MB_PER_VCPU
        return hours * (vcpus * figures["vcpu_hour"] + memory_mb / 1024 * figures["gb_hour"])

    def break_even(self, *, memory_mb: int, billed_ms: float) -> float:
        """Return the requests a second from which on a container that always runs costs less."""
        one = self.invocation(memory_mb=memory_mb, billed_ms=billed_ms)
        return self.container(memory_mb=memory_mb, seconds=1.0) / one


def load(path: Path | None = None) -> Prices:
    """Return the shipped prices, or those in a file of the same form.

    Raises:
        ConfigurationError: The file is broken, or lacks a figure; the text names it.
    """
    shipped = tomllib.loads(_SHIPPED.read_text("utf-8"))
    document = shipped
    if path is not None:
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} can't be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path}: {error}") from None
    figures: dict[str, dict[str, float]] = {}
    for section, expected in shipped.items():
        if not isinstance(expected, dict):
            continue
        given = document.get(section, {})
        figures[section] = {}
        for name in (key for key in expected if key != "source"):
            value = given.get(name) if isinstance(given, dict) else None
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise ConfigurationError(f"{path}: {section}.{name} must be a price, not {value!r}")
            figures[section][name] = float(value)
    return Prices(
        dated=str(document.get("dated", "")),
        region=str(document.get("region", "")),
        source=str(document.get("source", "")),
        figures=figures,
    )
