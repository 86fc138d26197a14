"""The admin API's view of what the pool keeps to: what a what-if begins with."""

from __future__ import annotations

from fastapi import FastAPI

from emulator.edge.admin.views import PREFIX, PooledVersionView, PoolView
from emulator.model.function import LATEST, FunctionVersion
from emulator.services.context import Parts
from emulator.simulation.starts import code_mb


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/pool", summary="What decides about cold starts")
    async def pool() -> PoolView:
        """Show the bounds that all functions share, and those of each version."""
        settings = parts.pools.settings
        found: dict[str, PooledVersionView] = {}
        for function in parts.registry.all():
            for version in (function.latest, *function.versions.values()):
                arn = f"{version.function_arn}:{version.version}"
                found[arn] = _view(parts, version, function.reserved_concurrency)
        return PoolView(
            idle_timeout_s=settings.idle_timeout_s,
            max_environments=settings.max_environments,
            account_concurrency=parts.admission.limit,
            profile=parts.settings.profile,
            seed=parts.settings.seed,
            functions=found,
        )


def _view(parts: Parts, version: FunctionVersion, reserved: int | None) -> PooledVersionView:
    provisioned = sum(
        each.provisioned
        for each in parts.pools.environments.values()
        if each.version.key == version.key
    )
    return PooledVersionView(
        memory_mb=version.memory_mb,
        runtime=version.runtime,
        package="zip" if version.code.image is None else "image",
        architecture=version.architecture,
        code_mb=code_mb(version),
        provisioned=provisioned,
        reserved=reserved,
        storage_mb=version.ephemeral_storage_mb,
        snapshot=(version.settings.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
        and version.version != LATEST,
    )
