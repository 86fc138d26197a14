"""A pod that runs, and how its end is learnt."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.driver.base import Settle
from emulator.driver.conventions import EXTENSIONS
from emulator.driver.kubernetes import status
from emulator.driver.kubernetes.conversation import Conversation
from emulator.driver.kubernetes.pod import LAYERS
from emulator.model.sandbox import Exit

#: Seconds by which a followed log may come later than what a runtime sends itself.
_LAG = 0.02
#: Seconds that the API has to say why a pod has ended.
_REASON_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a pod is made from. Equal plans make equal stem cells."""

    image: str
    architecture: str
    #: The language of our own bootstrap; empty where the image brings its runtime client.
    language: str = ""
    version: str = ""
    memory_mb: int = 128
    storage_mb: int = 512


@dataclass(slots=True, kw_only=True)
class PodOfOurs:
    """One pod, through all runs of its runtime."""

    name: str
    plan: Plan
    #: A supervisor obeys.
    stem: bool
    #: The name it calls its listener by.
    secret_host: str = ""
    #: Its code is there.
    filled: bool = False
    #: Its removal is under way.
    removed: bool = False
    #: Its node, once that is known.
    node: str = ""
    #: Its address, once that is known.
    address: str = ""
    #: The name of its Secret; empty for none.
    secret: str = ""
    #: AWS's SDK lies in a folder of its own.
    sdk: bool = False
    #: What its supervisor said of itself.
    hello: Mapping[str, Any] = field(default_factory=dict)


class PodSandbox:
    """One run of a pod's runtime.

    Args:
        pod: What runs.
    """

    def __init__(self, pod: PodOfOurs) -> None:
        self.pod = pod
        self.pid: int | None = None
        self.channel: socket.socket | None = None
        self.output: int | None
        self.output, self.pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.outputs = {"runtime": self.pipe}
        # Of a function of an image, the log comes another way.
        self.output_lag = 0.0 if pod.stem else _LAG
        self.settle_output: Settle | None = self._settle_output if pod.stem else None
        self.secret_host = pod.secret_host
        self.extensions: dict[str, asyncio.Future[Exit]] = {}
        self.extension_output: int | None = None
        self.ends_with_runtime = True
        self.host = ""
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.conversation: Conversation | None = None
        #: The runtime's process id in its pod; 0 before it runs.
        self.inner_pid = 0
        self.frozen = False
        #: The driver ended it: nobody need be asked why.
        self.killed = False
        #: The channel is the caller's by now.
        self.handed_out = False
        #: Its pod's log has had something.
        self.has_printed = False
        #: Tells the bootstrap what it is for, once extensions have registered.
        self.start_runtime: Callable[[], None] | None = None
        #: Our own end of the channel, for that; closed by it.
        self.order_channel: socket.socket | None = None
        #: Told once a pod was lost whose node did not answer.
        self.on_lost: Callable[[], None] | None = None
        self._peak = 0
        self._throttled_s = 0.0
        self._told: Exit | None = None
        self._settling: asyncio.Task[None] | None = None
        self._known_end = asyncio.Event()

    # The protocol of a sandbox

    def memory_peak(self) -> int:
        return self._peak  # told as it grows

    def throttled_s(self) -> float:
        return self._throttled_s

    def admits(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        return bool(self.pod.address) and peer[0] == self.pod.address

    def open_extension_output(self) -> None:
        """Make the pipe of what extensions print."""
        self.extension_output, pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.outputs["extensions"] = pipe

    def _settle_output(self, then: Callable[[], None]) -> None:
        if self.conversation is None:
            then()
        else:
            self.conversation.settle(then)

    # What is learnt of it

    def count(self, answer: Mapping[str, Any]) -> None:
        """Take the figures that an answer has in passing."""
        self._peak = max(self._peak, int(answer.get("peak") or 0))
        self._throttled_s = max(self._throttled_s, float(answer.get("throttled_s") or 0))

    def process_ended(self, message: Mapping[str, Any]) -> None:
        """Learn from the supervisor that a process has ended."""
        end = _exit(message)
        if message["ended"] != "runtime":
            future = self.extensions.get(str(message["ended"]))
            if future is not None and not future.done():
                reason = message.get("error")
                future.set_result(_not_started(str(message["ended"]), reason) if reason else end)
            return
        if self.inner_pid and message.get("pid") != self.inner_pid:
            return  # of an earlier run
        self.count(message)
        if end.out_of_memory:
            self._peak = self.pod.plan.memory_mb << 20
        self.end(Exit(signal=signal.SIGKILL) if self.killed else end)

    def pod_changed(self, pod: Mapping[str, Any] | None) -> None:
        """Learn from the API what has become of the pod; None: it is no more."""
        if pod is not None:
            self.pod.node = status.node(pod) or self.pod.node
            self.pod.address = status.address(pod) or self.pod.address
            self._told = status.ended(pod) or self._told
        if pod is None or self._told is not None:
            self._known_end.set()
            if self.conversation is None or self.conversation.over.done():
                self.gone(out_of_reach=False)

    def gone(self, *, out_of_reach: bool) -> None:
        """The pod has ended, or is out of reach: find out how."""
        if self.exited.done() or self._settling is not None:
            return
        if self.killed or out_of_reach:
            if not self.killed and self.on_lost is not None:
                self.on_lost()
            self.end(Exit(signal=signal.SIGKILL))
            return
        self._settling = asyncio.ensure_future(self._settle())

    async def _settle(self) -> None:
        try:
            await asyncio.wait_for(self._known_end.wait(), _REASON_S)
        except TimeoutError:
            if self.on_lost is not None:
                self.on_lost()
        end = self._told or Exit(signal=signal.SIGKILL)
        if self.pod.stem and not end.out_of_memory:
            # Its first process is the supervisor: that it has ended is none of the function's.
            end = Exit(signal=signal.SIGKILL)
        if end.out_of_memory:
            self._peak = self.pod.plan.memory_mb << 20
        self.end(end)

    def end(self, end: Exit) -> None:
        """It has ended so."""
        if not self.exited.done():
            self.exited.set_result(end)
        for future in self.extensions.values():
            if not future.done():
                future.set_result(Exit(signal=signal.SIGKILL))

    def close(self) -> None:
        """Let go of descriptors. The channel is the caller's. Idempotent."""
        if self.conversation is not None:
            self.conversation.close()
        if self._settling is not None:
            self._settling.cancel()
        if self.order_channel is not None:
            self.order_channel.close()
        self.release()
        self.end(Exit(signal=signal.SIGKILL))

    def release(self) -> None:
        """Let go of the pipe of the output. Idempotent."""
        for descriptor in (self.output, self.extension_output, *self.outputs.values()):
            if descriptor is not None:
                os.close(descriptor)
        self.outputs.clear()
        self.output, self.extension_output, self.pipe = None, None, -1


def _not_started(extension: str, reason: str) -> Exit:
    message = f"fork/exec {LAYERS}/{EXTENSIONS}/{extension}: {reason}"
    return Exit(status=1, error_type="Extension.LaunchError", message=message)


def _exit(message: Mapping[str, Any]) -> Exit:
    if "signal" in message:
        number = int(message["signal"])
        memory = bool(message.get("out_of_memory")) and number == signal.SIGKILL
        return Exit(signal=number, out_of_memory=memory)
    return Exit(status=int(message["status"]))
