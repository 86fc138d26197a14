"""SAM's translator in its process: right, kept by content, refusals in SAM's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.stack.errors import TemplateError
from emulator.stack.transform import NAME, SamTransform

pytestmark = pytest.mark.thorough


def template(**properties: Any) -> dict[str, Any]:
    function = {
        "Handler": "app.handler",
        "Runtime": "python3.12",
        "CodeUri": {"Bucket": "b", "Key": "k"},
        **properties,
    }
    return {
        "Transform": NAME,
        "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": function}},
    }


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_function_is_translated_and_kept(tmp_path: Path) -> None:
    transform = SamTransform(tmp_path / "sam")
    made = await transform.translate(template(AutoPublishAlias="live"), {}, "eu-west-1")
    kinds = sorted(resource["Type"] for resource in made["Resources"].values())
    assert kinds == [
        "AWS::IAM::Role",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
    ]
    (kept,) = files(tmp_path / "sam")
    kept.write_text('{"template": {"Resources": {}}}')
    again = await transform.translate(template(AutoPublishAlias="live"), {}, "eu-west-1")
    assert again == {"Resources": {}}


async def test_no_profile_of_the_user_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none-such")
    made = await SamTransform(tmp_path / "sam").translate(template(), {}, "eu-west-1")
    assert "F" in made["Resources"]


async def test_what_sam_refuses(tmp_path: Path) -> None:
    with pytest.raises(TemplateError) as raised:
        await SamTransform(tmp_path).translate(template(Handler=None), {}, "eu-west-1")
    assert raised.value.message.startswith("Transform AWS::Serverless-2016-10-31 failed with: ")
    assert "Resource with id [F] is invalid" in raised.value.message
    assert files(tmp_path) == []


async def test_where_results_can_not_be_kept_they_are_made_again(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    made = await SamTransform(blocked / "sam").translate(template(), {}, "eu-west-1")
    assert "FRole" in made["Resources"]


async def test_another_stack_of_the_same_template_finds_the_translation(tmp_path: Path) -> None:
    announced: list[int] = []
    transform = SamTransform(tmp_path, lambda: announced.append(1))
    variables = {"Variables": {"STACK": {"Ref": "AWS::StackId"}}}
    for stack_id in ("first", "second"):
        values = {"AWS::StackId": stack_id}
        made = await transform.translate(template(Environment=variables), values, "eu-west-1")
        environment = made["Resources"]["F"]["Properties"]["Environment"]
        assert environment == variables, "CloudFormation works it out"
    assert announced == [1]
