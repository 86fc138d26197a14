"""SQS as SDKs knew it before its JSON protocol: botocore's model, speaking the query protocol."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
from botocore.loaders import Loader

from emulator.services.sqs.wire import DEVIATIONS
from emulator.wire import model


class _OldLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """Gives the old model for the new one."""

    def load_service_model(self, service_name: str, *args: Any, **options: Any) -> Any:
        found = super().load_service_model(service_name, *args, **options)
        if service_name == "sqs" and "shapes" in found:
            return old_sqs_model(found)
        return found


def old_client(**options: Any) -> Any:
    """Return a boto3 client that speaks the query protocol; ``options`` as for ``client``."""
    session = botocore.session.Session()
    loader = _OldLoader(session.get_component("data_loader").search_paths)
    session.register_component("data_loader", loader)
    return boto3.Session(botocore_session=session).client("sqs", **options)


def old_sqs_model(raw: dict[str, Any]) -> dict[str, Any]:
    """Rebuild SQS's query model: names as ``locationName``, results in wrappers."""
    shapes = {}
    ours = model.load("sqs", DEVIATIONS).shapes
    for name, shape in raw["shapes"].items():
        shape = {**shape}
        for part in ("member", "key", "value"):
            if part in shape and "queryName" in ours[name][part]:
                shape[part] = {**shape[part], "locationName": ours[name][part]["queryName"]}
        if "members" in shape:
            shape["members"] = {
                key: (
                    {**member, "locationName": ours[name]["members"][key]["queryName"]}
                    if "queryName" in ours[name]["members"][key]
                    else member
                )
                for key, member in shape["members"].items()
            }
        if shape.get("exception"):
            code = DEVIATIONS.query_code.get(name, name)
            shape["error"] = {"code": code, "httpStatusCode": 400, "senderFault": True}
        shapes[name] = shape
    operations = {
        name: {
            **operation,
            **(
                {"output": {**operation["output"], "resultWrapper": f"{name}Result"}}
                if "output" in operation
                else {}
            ),
        }
        for name, operation in raw["operations"].items()
    }
    metadata = {**raw["metadata"], "protocol": "query", "protocols": ["query"]}
    metadata["xmlNamespace"] = DEVIATIONS.xml_namespace
    metadata.pop("awsQueryCompatible")
    return {**raw, "metadata": metadata, "shapes": shapes, "operations": operations}
