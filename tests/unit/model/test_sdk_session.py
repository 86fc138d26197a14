"""Sessions of AWS's SDK that nothing of the user's changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.model.sdk_session import own_session


def test_neither_a_profile_nor_a_configuration_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("no [configuration")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "none-such")
    client = own_session().client(
        "sqs",
        endpoint_url="http://127.0.0.1:9",
        region_name="eu-west-1",
        aws_access_key_id="1",
        aws_secret_access_key="2",
    )
    assert client.meta.endpoint_url == "http://127.0.0.1:9"


def test_the_folders_of_models_are_as_many_however_many_sessions_there_are() -> None:
    found = [list(own_session()._session.get_component("data_loader").search_paths) for _ in "ab"]
    assert found[0] == found[1]
    assert any("boto3" in path for path in found[0])
