"""Templates as documents: what is odd is noted, and a value's place is found."""

from __future__ import annotations

import pytest

from emulator.stack.document import locate, parse
from emulator.stack.errors import TemplateError

YAML = """\
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", [a, !Ref Stage]]
      Tags:
        - {Key: team, Value: !Sub "${Stage}"}
"""


def test_short_tags_become_their_long_form() -> None:
    properties = parse(YAML).body["Resources"]["Orders"]["Properties"]
    assert properties["QueueName"] == {"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}
    assert properties["Tags"] == [{"Key": "team", "Value": {"Fn::Sub": "${Stage}"}}]


def test_keys_are_what_is_written() -> None:
    text = "On: {No: 1}\nMore: {<<: {012345678901: a}, 200: b, 1.10: c, 2026-11-29: d, ~: e}\n"
    found = parse(text).body
    assert found["On"] == {"No": 1}
    assert list(found["More"].items()) == [
        ("012345678901", "a"),
        ("200", "b"),
        ("1.10", "c"),
        ("2026-11-29", "d"),
        ("~", "e"),
    ]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("A: 1\nB: {C: 1, C: 2}\n", "'C' is there twice in the mapping at line 2"),
        ('{"A": 1, "B": {"C": 1, "C": 2}}', "'C' is there twice"),
    ],
)
def test_of_keys_that_are_there_twice_the_last_counts(text: str, note: str) -> None:
    document = parse(text)
    assert document.body["B"] == {"C": 2}
    assert len(document.notes) == 1
    assert note in document.notes[0]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("Resources", "Orders", "Type"), (3, 11)),
        (("Resources", "Orders", "Properties", "QueueName", "Fn::Join", 1, 1), (5, 34)),
        (("Resources", "Orders", "Properties", "Tags", 0, "Value", "Fn::Sub"), (7, 30)),
        (("Resources", "Orders", "Nothing"), (2, 3)),
        (("Nothing",), (1, 1)),
    ],
)
def test_the_place_of_a_value(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert locate(YAML, path) == place


def test_a_tag_that_makes_objects_is_refused() -> None:
    with pytest.raises(TemplateError, match="not well-formed"):
        parse('A: !!python/object/apply:os.mkdir ["/tmp/made-by-a-template"]')
