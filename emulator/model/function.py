"""Functions as the runtime sees them: one frozen value per version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.model.limits import MB_PER_VCPU
from emulator.model.sandbox import ImageConfig

LATEST = "$LATEST"
#: The version that serves unqualified calls of a function on Managed Instances.
LATEST_PUBLISHED = "$LATEST.PUBLISHED"
#: Default of functions on Managed Instances.
MEMORY_GIB_PER_VCPU = 2.0
#: Default concurrent invocations per vCPU on Managed Instances, by runtime; 16 for others.
_CONCURRENCY_PER_VCPU = {"python": 16, "nodejs": 64, "java": 32, "dotnet": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A function's code or a layer's content."""

    #: Base64 of the archive's SHA-256, as in ``CodeSha256``.
    sha256: str
    #: Size of the archive, bytes.
    size: int
    #: The unpacked, read-only folder; None for an image.
    folder: Path | None = None
    #: The image's URI; None for an archive.
    image: str | None = None
    #: The image by its digest ("repository@sha256:…"); empty until it is known.
    resolved_image: str = ""
    #: The folder belongs to the user and may change at any time (hot reload).
    live: bool = False
    #: The user's own archive that was unpacked into ``folder``; it may change likewise.
    archive: Path | None = None
    #: Size once unpacked, bytes.
    unpacked_size: int = 0
    #: Some files in the folder can't be read by every user of this machine.
    private: bool = False

    @property
    def source(self) -> Path | None:
        """Return the user's folder or archive that it follows; None where it does not change."""
        return self.folder if self.live else self.archive


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerVersion:
    """A layer as applied to a function."""

    arn: str
    code: Code


def default_concurrency(runtime: str, cpus: float) -> int:
    """Return how many invocations an environment on Managed Instances runs at once."""
    return max(1, round(_CONCURRENCY_PER_VCPU.get(runtime.rstrip("0123456789.x"), 16) * cpus))


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedInstances:
    """How a version runs on Lambda Managed Instances.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
    """

    #: The ARN of its capacity provider.
    capacity_provider: str
    #: Invocations that one environment runs at once.
    max_concurrency: int
    #: vCPUs of one environment.
    cpus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionVersion:
    """One version of a function: what runs, and with which limits.

    A new ``generation`` marks a change of code or configuration; a pool serves one generation,
    so an update never meets a stale environment.
    """

    account: str
    region: str
    name: str
    version: str = LATEST
    #: Counts changes of code and configuration; not AWS's RevisionId, which also changes on
    #: changes of state.
    generation: int = 0
    code: Code
    runtime: str = ""
    handler: str = ""
    memory_mb: int = 128
    timeout_s: int = 3
    ephemeral_storage_mb: int = 512
    architecture: str = "x86_64"
    #: The user's own variables; None where never set.
    environment: Mapping[str, str] | None = None
    layers: tuple[LayerVersion, ...] = ()
    image_config: ImageConfig | None = None
    #: "Text" or "JSON".
    log_format: str = "Text"
    application_log_level: str = ""
    system_log_level: str = ""
    log_group: str = ""
    #: Members of FunctionConfiguration the runtime itself does not need (Role, Description,
    #: VpcConfig …), in the wire's shape.
    settings: Mapping[str, Any] = field(default_factory=dict)
    state: str = "Active"
    state_reason: str = ""
    state_reason_code: str = ""
    last_update_status: str = "Successful"
    last_update_status_reason: str = ""
    last_update_status_reason_code: str = ""
    revision_id: str = ""
    #: ISO 8601 with milliseconds and "+0000", as AWS writes it.
    last_modified: str = ""
    #: ``arn:aws:lambda:<region>:<account>:function:<name>``
    function_arn: str = field(init=False)
    #: The pool's key.
    key: str = field(init=False)
    #: None: it runs as Lambda functions do by default.
    managed: ManagedInstances | None = field(init=False)
    #: Its environments are restored from a snapshot (SnapStart). Never for $LATEST.
    snap_start: bool = field(init=False)
    #: Its calls are traced where nobody has decided otherwise (TracingConfig: Active).
    is_traced: bool = field(init=False)

    def __post_init__(self) -> None:
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        object.__setattr__(self, "function_arn", arn)
        object.__setattr__(self, "key", f"{arn}:{self.version}@{self.generation}")
        object.__setattr__(self, "managed", self._managed())
        applied = (self.settings.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
        published = self.version not in (LATEST, LATEST_PUBLISHED)
        tracing = (self.settings.get("TracingConfig") or {}).get("Mode")
        object.__setattr__(self, "is_traced", tracing == "Active")
        object.__setattr__(self, "snap_start", applied and published and self.managed is None)

    def _managed(self) -> ManagedInstances | None:
        config = self.settings.get("CapacityProviderConfig") or {}
        instances = config.get("LambdaManagedInstancesCapacityProviderConfig")
        if instances is None:
            return None
        ratio = instances.get("ExecutionEnvironmentMemoryGiBPerVCpu") or MEMORY_GIB_PER_VCPU
        cpus = self.memory_mb / 1024 / ratio
        return ManagedInstances(
            capacity_provider=instances["CapacityProviderArn"],
            max_concurrency=instances.get("PerExecutionEnvironmentMaxConcurrency")
            or default_concurrency(self.runtime, cpus),
            cpus=cpus,
        )

    @property
    def vcpus(self) -> float:
        """Return the share of CPU that its memory stands for."""
        return self.memory_mb / MB_PER_VCPU if self.managed is None else self.managed.cpus

    @property
    def qualified_arn(self) -> str:
        """The ARN with the version as qualifier."""
        return f"{self.function_arn}:{self.version}"

    @property
    def effective_log_group(self) -> str:
        """The log group that is configured, or AWS's default for the function."""
        return self.log_group or f"/aws/lambda/{self.name}"
