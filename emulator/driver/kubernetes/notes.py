"""Notes on what a cluster can't do as AWS does, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator


def notes(*, is_direct: bool, has_owner: bool) -> Iterator[str]:
    """Yield a sentence for each.

    Args:
        is_direct: Pods reach this machine.
        has_owner: Something in the cluster owns the pods.
    """
    yield (
        "pods are held to their share of CPU some two seconds after their first INIT, and from then"
        " on in every INIT, too"
    )
    yield (
        "the size of /tmp is kept by the kubelet, which ends pods that pass it instead of refusing"
        " to write"
    )
    yield (
        "functions of images are neither frozen between invokes nor keep their /tmp after a"
        " failure; of an emulator that was killed they end when their call does"
    )
    if not is_direct:
        yield (
            "pods are dialled through the cluster's API, and have no way to this machine: functions"
            " can't call the emulator, and those of images or with extensions can't run"
            " (--advertise-host names an address at which pods reach this machine)"
        )
    if not has_owner:
        yield (
            "this user may make no ConfigMap, which would own the pods: those of an emulator that"
            " was killed stay, without a process, until the next one starts"
        )
