"""What the pools keep to: with it, a recorded timeline can be replayed (`localfaas what-if`)."""

from __future__ import annotations

from typing import Any

from emulator.edge.admin.timeline.documents import Snapshot
from emulator.model.function import FunctionVersion
from emulator.registry.function import Function
from emulator.services.context import Parts


def pool_facts(parts: Parts, snapshot: Snapshot) -> dict[str, Any]:
    """Return the settings of all pools, and those of the functions that have records."""
    recorded = {each.version.function_arn for each in snapshot.environments.values()}
    return {
        "idle_timeout_s": parts.pools.settings.idle_timeout_s,
        "max_environments": parts.pools.settings.max_environments,
        "account_concurrency": parts.admission.limit,
        "freeze": parts.pools.settings.freeze,
        "functions": {
            version.qualified_arn: _function(parts, function, version)
            for function in parts.registry.all()
            if function.arn in recorded
            for version in (function.latest, *function.versions.values())
        },
    }


def _function(parts: Parts, function: Function, version: FunctionVersion) -> dict[str, Any]:
    return {
        "runtime": version.runtime or version.code.image or "",
        "package": "zip" if version.code.image is None else "image",
        "memory_mb": version.memory_mb,
        "architecture": version.architecture,
        "code_mb": version.code.unpacked_size / 1048576,
        "provisioned": parts.provisioning.wanted(version),
        "reserved": function.reserved_concurrency,
    }
