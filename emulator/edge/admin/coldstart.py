"""The admin API's measurement of cold starts."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request

from emulator.edge.admin.views import PREFIX, ColdStartView, ImportView
from emulator.invoke import cold_starts
from emulator.invoke.json_text import check_json
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.limits import ORDINARY_MEMORY, SYNC_PAYLOAD
from emulator.services.context import Parts


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.post(f"{PREFIX}/coldstart", summary="Measure one cold start", responses={404: {}, 409: {}})
    async def coldstart(
        request: Request,
        function: str,
        qualifier: str = LATEST,
        warm: Annotated[int, Query(ge=0, le=10_000)] = 1,
        memory_mb: Annotated[int | None, Query(ge=128, le=ORDINARY_MEMORY)] = None,
        runtime: str | None = None,
        layers: bool = True,
        provisioned: bool = False,
        snapstart: bool = False,
        trace_imports: bool = True,
        account: str | None = None,
        region: str | None = None,
    ) -> ColdStartView:
        """Start an environment of its own for a function, call it, and end it.

        The body is the event. ``memory_mb``, ``runtime`` and ``layers=false`` change the function
        for this measurement alone; ``provisioned`` starts the environment ahead of the first call;
        ``snapstart`` restores it from a snapshot.
        Other environments and their callers are left alone, and nothing is simulated.
        """
        payload = await request.body() or b"{}"
        try:
            if len(payload) > SYNC_PAYLOAD:
                raise AwsError("RequestEntityTooLargeException", "the event is too large")
            check_json(payload)
            version = parts.registry.resolve(
                account or parts.table.account, region or parts.table.region, function, qualifier
            )
            version = _changed(version, memory_mb, runtime, layers)
            run = await cold_starts.measure(
                parts.pools,
                version,
                payload,
                warm=warm,
                provisioned=provisioned,
                snapstart=snapstart,
                trace_imports=trace_imports,
            )
        except AwsError as error:
            status = 404 if error.code == "ResourceNotFoundException" else 409
            raise HTTPException(status, error.message) from error
        except (ConfigurationError, DriverFault) as error:
            raise HTTPException(409, str(error)) from error
        return _view(parts, version, run)


def _changed(
    version: FunctionVersion, memory_mb: int | None, runtime: str | None, layers: bool
) -> FunctionVersion:
    if memory_mb is not None:
        version = dataclasses.replace(version, memory_mb=memory_mb)
    if runtime is not None:
        version = dataclasses.replace(version, runtime=runtime)
    return version if layers else dataclasses.replace(version, layers=())


def _view(parts: Parts, version: FunctionVersion, run: cold_starts.ColdStartRun) -> ColdStartView:
    code = version.code
    layers = sum(layer.code.unpacked_size for layer in version.layers)
    return ColdStartView(
        function=version.name,
        version=version.version,
        runtime=version.runtime,
        memory_mb=version.memory_mb,
        package="zip" if code.image is None else "image",
        code_bytes=code.unpacked_size + layers,
        driver=parts.driver.name,
        code_ms=run.code_ms,
        sandbox_ms=run.sandbox_ms,
        boot_ms=run.boot_ms,
        restore_ms=run.restore_ms,
        imports_ms=run.imports_ms,
        init_ms=run.init_ms,
        first_call_ms=run.first_call_ms,
        total_ms=run.total_ms,
        warm_ms=list(run.warm_ms),
        imports=[
            ImportView(
                module=each.module,
                parent=each.parent,
                depth=run.imports.depth(each),
                start_ms=each.start_ms,
                total_ms=each.total_ms,
                self_ms=each.self_ms,
            )
            for each in run.imports.imports
        ]
        if run.imports is not None
        else None,
        error=run.error,
    )
