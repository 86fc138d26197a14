"""What the status of a pod says."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.driver.kubernetes import status
from emulator.model.sandbox import Exit


def pod(state: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    statuses = [{"name": "sidecar", "state": {"terminated": {"exitCode": 9}}}]
    if state is not None:
        statuses.append({"name": "function", "state": state})
    return {"status": {"containerStatuses": statuses, **rest}}


@pytest.mark.parametrize(
    ("terminated", "end"),
    [
        ({"exitCode": 0, "reason": "Completed"}, Exit(status=0)),
        ({"exitCode": 3, "reason": "Error"}, Exit(status=3)),
        ({"exitCode": 255, "reason": "Error"}, Exit(status=255)),
        ({"exitCode": 139, "reason": "Error"}, Exit(signal=11)),
        ({"exitCode": 137, "reason": "Error"}, Exit(signal=9)),
        ({"exitCode": 137, "reason": "OOMKilled"}, Exit(signal=9, out_of_memory=True)),
        (
            {
                "exitCode": 128,
                "reason": "StartError",
                "message": "failed to create containerd task: failed to create shim task: OCI "
                "runtime create failed: runc create failed: unable to start container process: "
                'exec: "/none": stat /none: no such file or directory: unknown',
            },
            Exit(
                status=128,
                error_type="Runtime.InvalidEntrypoint",
                message="fork/exec /none: stat /none: no such file or directory",
            ),
        ),
    ],
)
def test_ends(terminated: dict[str, Any], end: Exit) -> None:
    assert status.ended(pod({"terminated": terminated})) == end


def test_what_runs_has_not_ended() -> None:
    assert status.ended(pod({"running": {}}, phase="Running")) is None
    assert status.ended({}) is None


def test_a_pod_that_was_evicted_has_ended_and_says_why() -> None:
    evicted = {"status": {"phase": "Failed", "reason": "Evicted", "message": "tmp is full"}}
    assert status.ended(evicted) == Exit(signal=9)
    assert status.trouble(evicted) == "Evicted: tmp is full"


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"]
)
def test_an_image_that_can_not_be_had(reason: str) -> None:
    found = status.trouble(pod({"waiting": {"reason": reason, "message": "no such image"}}))
    assert found == f"{reason}: no such image"
    assert status.is_of_image(found)


def test_what_is_only_slow_is_no_trouble() -> None:
    assert status.trouble(pod({"waiting": {"reason": "ContainerCreating"}})) == ""
    late = {
        "reason": "CreateContainerConfigError",
        "message": "failed to sync secret cache: timed out waiting for the condition",
    }
    assert status.trouble(pod({"waiting": late})) == ""
    wrong = {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}
    assert status.trouble(pod({"waiting": wrong})).endswith('secret "x" not found')
    assert status.trouble({}) == ""


def test_why_no_node_takes_it() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
    assert status.unschedulable(pod(conditions=[condition])) == "0/2 nodes are available"
    assert status.unschedulable(pod(conditions=[{**condition, "status": "True"}])) == ""
    assert status.unschedulable({}) == ""
