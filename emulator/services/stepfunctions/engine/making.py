"""Executions made of what was kept of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.services.stepfunctions import arns, definitions
from emulator.services.stepfunctions.engine.execution import Execution, ThreadRow
from emulator.services.stepfunctions.engine.journal import ExecutionRow
from emulator.workflows import json_text


def kept_execution(
    row: ExecutionRow, revision: dict[str, Any], threads: Iterable[ThreadRow]
) -> Execution:
    """Return an execution as it was kept."""
    content = row.content
    arn = arns.split(row.arn, "execution", "express")
    program = definitions.program(revision["definition"])
    if content.get("processor"):
        found = program.find(content["processor"])
        assert found is not None
        assert found[1].processor is not None
        program = found[1].processor
    execution = Execution(
        id=row.id,
        arn=row.arn,
        account=arn.account,
        region=arn.region,
        name=arn.rest,
        machine=row.machine,
        machine_name=arn.name.partition("/")[0],
        revision=revision,
        revision_id=row.revision,
        program=program,
        input=json_text.read(content["input"]),
        body=content,
        status=row.status,
        started_ms=row.started_ms,
        stopped_ms=row.stopped_ms,
        deadline_ms=row.deadline_ms,
        map_run=row.map_run,
        item=row.item,
        events=row.events,
        redrives=row.redrives,
        is_new=False,
    )
    execution.restore(threads)
    return execution
