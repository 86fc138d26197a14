"""``--compare`` is read, or refused in words."""

from __future__ import annotations

import pytest

from emulator.cli.terminal import CommandError
from emulator.cli.variants import variants


def test_nothing_is_one_variant_without_a_label() -> None:
    [only] = variants([])
    assert (only.label, only.query, only.options) == ("", {}, ())


def test_several_keys_are_all_combinations() -> None:
    found = variants(["memory=128, 512", "driver=process,docker", "layers=off"])
    assert [each.label for each in found] == [
        "memory=128, driver=process, layers=off",
        "memory=128, driver=docker, layers=off",
        "memory=512, driver=process, layers=off",
        "memory=512, driver=docker, layers=off",
    ]
    assert found[1].query == {"memory_mb": "128", "layers": "false"}
    assert found[1].options == ("--driver", "docker")
    assert variants(["freeze=off"])[0].options == ("--no-freeze",)
    assert variants(["min-instances=on"])[0].query == {"provisioned": "true"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("memory", "is not KEY=A,B"),
        ("memory=", "is not KEY=A,B"),
        ("=1", "'' can't be compared"),
        ("colour=red", "give one of function, qualifier, memory"),
        ("layers=maybe", "layers is on or off, not 'maybe'"),
    ],
)
def test_what_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(CommandError) as raised:
        variants([text])
    assert says in str(raised.value)
