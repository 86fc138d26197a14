"""The admin API's way to deploy what lies on this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.model.errors import AwsError, ConfigurationError
from emulator.services.context import Parts

#: Deploys a path; takes what :func:`emulator.project.deploying.deploy` takes.
Deploy = Callable[..., Awaitable[Any]]


class DeployRequest(BaseModel):
    """What to deploy, and where."""

    #: Absolute: a template, a folder with one, or a folder of functions.
    path: Path
    account: str = ""
    region: str = ""
    #: "" leaves it to samconfig.toml.
    stack_name: str = ""
    #: Texts, numbers, truths, or lists of them.
    parameters: dict[str, Any] = {}


class DeployedView(BaseModel):
    """What was deployed: names and ids by the names in the template."""

    functions: dict[str, str]
    resources: dict[str, str]
    outputs: dict[str, str]
    stack_name: str
    notes: list[str]


def add(app: FastAPI, parts: Parts, deploy: Deploy) -> None:
    """Add the route."""

    @app.post(f"{PREFIX}/deploy", summary="Deploy a template or a folder", responses={400: {}})
    async def deploy_path(request: DeployRequest) -> DeployedView:
        """Deploy a template, or a folder of functions, that lies on the emulator's machine.

        What is deployed there already is updated. Code is served from where it lies.
        """
        if not request.path.is_absolute():
            raise HTTPException(400, f"{request.path} is not an absolute path.")
        try:
            found = await deploy(
                request.path,
                account=request.account or parts.table.account,
                region=request.region or parts.table.region,
                stack_name=request.stack_name,
                parameters=request.parameters,
            )
        except (ConfigurationError, AwsError) as error:
            raise HTTPException(400, str(error)) from error
        return DeployedView.model_validate(found, from_attributes=True)
