"""What is given with templates: parameters and variables, in the forms of AWS's tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.model.errors import ConfigurationError
from emulator.project.given import (
    Configuration,
    read_configuration,
    read_parameters,
    read_variables,
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '[{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "B"}]'),
        ("p.json", '{"A": 1, "B": ""}'),
        ("p.json", '{"Parameters": {"A": "1", "B": null}}'),
        ("p.json", '["A=1", "B="]'),
        ("p.yaml", "A: 1\nB: ''\n"),
        ("p.toml", 'A = 1\nB = ""\n'),
    ],
)
def test_parameter_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_parameters(tmp_path / name) == {"A": "1", "B": ""}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", "{"),
        ("p.json", "[1]"),
        ("p.json", "1"),
        ("p.yaml", "a: [b"),
        ("p.yaml", "a: !!bool x"),
        ("p.toml", "="),
    ],
)
def test_parameter_files_that_are_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=name):
        read_parameters(tmp_path / name)
    with pytest.raises(ConfigurationError, match=r"gone can't be read: No such file"):
        read_parameters(tmp_path / "gone")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ('"A=1 B=\\"x y\\""', {"A": "1", "B": "x y"}),
        ('["A=1", "B=x=y"]', {"A": "1", "B": "x=y"}),
        ('"ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2,3"',
         {"A": "1", "B": "2,3"}),
        ("{A = 1, B = true}", {"A": "1", "B": "true"}),
    ],
)  # fmt: skip
def test_samconfig(tmp_path: Path, overrides: str, expected: dict[str, str]) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(
        'version = 0.1\n[default.global.parameters]\nstack_name = "orders"\n'
        f"[default.deploy.parameters]\nparameter_overrides = {overrides}\n"
    )
    expected_configuration = Configuration(parameters=expected, stack_name="orders", path=path)
    assert read_configuration(tmp_path) == expected_configuration


def test_a_folder_without_samconfig(tmp_path: Path) -> None:
    assert read_configuration(tmp_path) == Configuration()


def test_local_settings_of_samconfig_count_more(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text(
        '[default.deploy.parameters]\nparameter_overrides = "A=1 B=1"\n'
        '[default.local_invoke.parameters]\nparameter_overrides = "A=2"\n'
    )
    assert read_configuration(tmp_path).parameters == {"A": "2", "B": "1"}


def test_samconfig_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text(
        '[default.deploy.parameters]\nparameter_overrides = "A"\n'
    )
    with pytest.raises(ConfigurationError, match="'A' is not NAME=VALUE"):
        read_configuration(tmp_path)


def test_variables_in_sams_form(tmp_path: Path) -> None:
    path = tmp_path / "env.json"
    path.write_text('{"Fn": {"A": 1, "B": true}, "Parameters": {"C": "all"}, "D": "too"}')
    assert read_variables(path) == {"Fn": {"A": "1", "B": "true"}, "": {"C": "all", "D": "too"}}


def test_variables_in_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "# comment\n\nA=1\nexport B = 'x # y'\nC=\"a\\nb\"  \nD=plain # comment\nE=\nF=a=b#c\n"
    )
    assert read_variables(path) == {
        "": {"A": "1", "B": "x # y", "C": "a\nb", "D": "plain", "E": "", "F": "a=b#c"}
    }
    path.write_text("A=1\nwhat is this\n")
    with pytest.raises(ConfigurationError, match="line 2 is not NAME=VALUE"):
        read_variables(path)
