"""What pods are made with: one of each for a driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.driver.kubernetes.cluster import Cluster
from emulator.driver.kubernetes.parcels import Parcels
from emulator.driver.kubernetes.watch import PodWatch
from emulator.driver.kubernetes.ways import Way
from emulator.model.clock import Clock
from emulator.model.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What pods are made with."""

    cluster: Cluster
    watch: PodWatch
    way: Way
    parcels: Parcels
    #: The folder with a folder of bootstraps per language.
    bootstraps: Path
    #: The user's, checked.
    template: Mapping[str, Any]
    #: What every pod carries.
    labels: Mapping[str, str]
    owners: tuple[Mapping[str, Any], ...]
    #: Of pods' names; this instance's own.
    prefix: str
    clock: Clock
    console: Console
    #: Pods' user ids follow from numbers, which begin here.
    first_number: int
