"""The states of alarms, by the tables of AWS's page on missing data."""

from __future__ import annotations

import pytest

from emulator.services.cloudwatch.alarms.decisions import State, decide

#: The state that an alarm has already, where nothing changes it.
_BEFORE: State = "INSUFFICIENT_DATA"
_KEPT = _BEFORE
_POINTS = {"0": False, "X": True, "-": None}


@pytest.mark.parametrize(
    ("data", "needed", "missing", "ignore", "breaching", "not_breaching"),
    [
        # Three of three periods.
        ("0 - X - X", 3, "OK", "OK", "OK", "OK"),
        ("- - - - 0", 3, "OK", "OK", "OK", "OK"),
        ("- - - - -", 3, "INSUFFICIENT_DATA", _KEPT, "ALARM", "OK"),
        ("0 X X - X", 3, "ALARM", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", 3, "ALARM", _KEPT, "ALARM", "OK"),
        # Two of three.
        ("0 - X - X", 2, "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0 0 X 0 X", 2, "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0 - X - -", 2, "OK", "OK", "ALARM", "OK"),
        ("- - - - 0", 2, "OK", "OK", "ALARM", "OK"),
        ("- - - X -", 2, "ALARM", _KEPT, "ALARM", "OK"),
    ],
)
def test_missing_data_is_treated_as_asked(
    data: str, needed: int, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    points = [_POINTS[each] for each in data.split()]
    found = {
        treatment: decide(points, 3, needed, treatment, _BEFORE)
        for treatment in ("missing", "ignore", "breaching", "notBreaching")
    }
    assert found == {
        "missing": missing,
        "ignore": ignore,
        "breaching": breaching,
        "notBreaching": not_breaching,
    }
