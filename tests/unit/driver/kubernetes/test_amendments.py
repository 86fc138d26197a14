"""What is changed of pods once they run: later, once, and only of those that are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from emulator.driver.kubernetes.amendments import Amendments
from emulator.driver.kubernetes.cluster import ClusterFault
from emulator.driver.kubernetes.sandbox import Plan, PodOfOurs
from emulator.driver.kubernetes.tools import Tools
from emulator.testing import FakeClock
from tests.contract.sandboxes import make_spec

SPEC = make_spec(Path(), function_name="orders", memory_mb=1769, limit_cpu=True)


@dataclass
class Api:
    """Answers requests, or refuses them; and is told what people are told."""

    fault: ClusterFault | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    async def ask(self, method: str, path: str, body: Any, *, content_type: str) -> None:
        self.asked.append((f"{method} {path}", body))
        if self.fault is not None:
            raise self.fault

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def amendments(self) -> Amendments:
        tools: dict[str, Any] = dict.fromkeys(Tools.__slots__)
        return Amendments(Tools(**tools | {"cluster": self, "clock": self.clock, "console": self}))


@pytest.fixture
def pod() -> PodOfOurs:
    return PodOfOurs(name="pod-1", plan=Plan(image="i", architecture="x86_64"), stem=True)


@pytest.fixture
def api() -> Api:
    return Api()


async def test_nothing_is_asked_for_while_the_first_call_is_under_way(
    api: Api, pod: PodOfOurs
) -> None:
    amendments = api.amendments()
    amendments.label(pod, SPEC)
    amendments.limit_cpu(pod, SPEC)
    await api.clock.advance(0.3)
    assert api.asked == []
    await api.clock.advance(0.5)
    (label, labels), (resize, change) = cast(Any, api.asked)
    assert (label, resize) == ("PATCH pods/pod-1", "PATCH pods/pod-1/resize")
    assert labels["metadata"]["labels"]["localfaas.dev/function"] == "orders"
    assert change["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1000m"}


async def test_a_pod_that_is_removed_meanwhile_is_left_alone(api: Api, pod: PodOfOurs) -> None:
    amendments = api.amendments()
    amendments.label(pod, SPEC)
    pod.removed = True
    await api.clock.advance(1)
    assert api.asked == []


async def test_closing_waits_for_no_change(api: Api, pod: PodOfOurs) -> None:
    amendments = api.amendments()
    amendments.limit_cpu(pod, SPEC)
    await api.clock.advance(0.1)
    await amendments.close()
    await api.clock.advance(1)
    assert api.asked == []


async def test_a_user_who_may_not_resize_is_told_once(api: Api, pod: PodOfOurs) -> None:
    api.fault = ClusterFault("forbidden", 403, "Forbidden")
    amendments = api.amendments()
    for _ in range(2):
        amendments.limit_cpu(pod, SPEC)
        await api.clock.advance(1)
    assert len(api.asked) == len(api.warnings) == 1
    assert "pods/resize" in api.warnings[0]
