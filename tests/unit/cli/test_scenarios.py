"""``what-if --set`` is read, or refused in words."""

from __future__ import annotations

import pytest

from emulator.cli.scenarios import needs_profile, scenarios
from emulator.cli.terminal import CommandError


def test_what_was_recorded_comes_first_and_several_keys_are_all_combinations() -> None:
    assert [each.name for each in scenarios([])] == ["as recorded"]
    found = scenarios(["idle=60,10m", "policy=none", "snapstart=on", "memory=512"])
    assert [each.name for each in found] == [
        "as recorded",
        "idle=60, policy=none, snapstart=on, memory=512",
        "idle=10m, policy=none, snapstart=on, memory=512",
    ]
    assert [each.keep_alive_s for each in found] == [None, 60.0, 600.0]
    assert (found[1].policy, found[1].snapstart, found[1].memory_mb) == ("none", True, 512)
    assert needs_profile(["idle=60", "memory=512", "snapstart=on"]) == ["memory", "snapstart"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("idle", "is not KEY=A,B"),
        ("idle=", "is not KEY=A,B"),
        ("colour=red", "'colour' can't be set: give one of idle, policy, provisioned"),
        ("idle=-1", "idle is seconds, 10m or 1h, not '-1'"),
        ("idle=nan", "idle is seconds, 10m or 1h, not 'nan'"),
        ("policy=greedy", "policy is fixed, none, provisioned or histogram, not 'greedy'"),
        ("provisioned=1.5", "provisioned is a number of environments, not '1.5'"),
        ("account=0", "account is a number of calls at once, not '0'"),
        ("snapstart=yes", "snapstart is on or off, not 'yes'"),
        ("order=random", "order is newest or oldest, not 'random'"),
    ],
)
def test_what_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(CommandError) as raised:
        scenarios([text])
    assert says in str(raised.value)
