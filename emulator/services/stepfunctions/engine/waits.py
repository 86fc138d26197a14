"""States that wait, and tasks: what they rest for, and what the history says of them."""

from __future__ import annotations

from typing import Any

from emulator.services.stepfunctions.engine.events import NOT_TRUNCATED, text_of
from emulator.services.stepfunctions.engine.execution import (
    ACTIVITY,
    TASK,
    WAIT,
    Thread,
    make_token,
)
from emulator.services.stepfunctions.engine.turn import Turn
from emulator.workflows.effects import RunTask, Wait
from emulator.workflows.program import State


class Waits(Turn):
    """A turn in which threads begin to wait."""

    def _wait(self, thread: Thread, effect: Wait) -> None:
        left_s = max(0.0, (effect.until_ms - self._moment.now_ms) / 1000)
        self._rest(thread, WAIT, self._after(left_s))

    def _run_task(self, thread: Thread, effect: RunTask) -> None:
        thread.effect = effect
        resource = effect.resource
        limits = {
            "timeoutInSeconds": effect.timeout_s,
            "heartbeatInSeconds": effect.heartbeat_s,
        }
        details: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
        if effect.credentials is not None:
            details["taskCredentials"] = {"roleArn": effect.credentials.get("RoleArn")}
        text = text_of(effect.arguments)
        if resource.kind == "service":
            details |= {
                "resourceType": resource.service,
                "resource": resource.name,
                "region": self._execution.region,
                "parameters": text,
            }
            thread.last = self._event(thread.last, "TaskScheduled", details)
            started = {"resourceType": resource.service, "resource": resource.name}
            thread.last = self._event(thread.last, "TaskStarted", started)
        else:
            details |= {"resource": resource.arn, "input": text, "inputDetails": NOT_TRUNCATED}
            kind = "Activity" if resource.kind == "activity" else "LambdaFunction"
            thread.last = self._event(thread.last, f"{kind}Scheduled", details)
            if kind == "LambdaFunction":
                thread.last = self._event(thread.last, "LambdaFunctionStarted", None)
        thread.deadline_ms = None
        if effect.timeout_s is not None:
            thread.deadline_ms = self._after(effect.timeout_s)
        due_ms = thread.deadline_ms
        if effect.heartbeat_s is not None and resource.kind != "activity":
            beat_ms = self._after(effect.heartbeat_s)
            due_ms = beat_ms if due_ms is None else min(due_ms, beat_ms)
        self._rest(thread, ACTIVITY if resource.kind == "activity" else TASK, due_ms)
        self._execution.begin.append((thread.id, thread.turn))

    def _token_for(self, thread: Thread, state: State) -> str:
        resource = state.resource
        if resource is None or (
            resource.pattern != "waitForTaskToken" and resource.kind != "activity"
        ):
            return ""
        return make_token(self._execution.id, thread.id)
