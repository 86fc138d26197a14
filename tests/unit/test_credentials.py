"""Temporary credentials that say themselves whose they are."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model import credentials
from emulator.model.function import Code, FunctionVersion
from emulator.pool import environ


@given(account=st.integers(0, 999_999_999_999))
def test_a_key_holds_its_account_as_aws_own_keys_do(account: int) -> None:
    name = f"{account:012}"
    key = credentials.issue(credentials.root(name), 0.0).access_key
    assert credentials.account_of(key) == name
    # How anybody reads the account from a key of AWS.
    raw = int.from_bytes(base64.b32decode(key[4:])[:6])
    assert (raw & 0x7FFFFFFFFF80) >> 7 == account


def test_keys_of_others_are_none_of_ours() -> None:
    found = 0
    for _ in range(2000):
        foreign = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
        found += credentials.account_of(foreign) is not None
    assert found <= 2, "one in 65,536"
    for key in ("", "test", "000000000000", "ASIA", "ASIA" + "1" * 16, "AKIA" + "A" * 16):
        assert credentials.account_of(key) is None


def test_a_token_names_its_identity() -> None:
    who = credentials.assumed_role("111122223333", "arn:aws:iam::111122223333:role/a/b", "s")
    token = credentials.issue(who, 0.0).token
    assert token.startswith("IQoJb3JpZ2luX2Vj")
    assert credentials.identify(token) == replace(who, expires_at=0.0)
    assert credentials.identify(credentials.issue(who).token) == who
    for foreign in ("", "localfaas", token[:-8], token[:40], "IQoJb3JpZ2luX2Vj", "é"):
        assert credentials.identify(foreign) is None


@pytest.mark.parametrize(("name", "session"), [("orders", "orders"), ("f", "f@lambda_function")])
def test_a_function_is_a_session_of_its_role(name: str, session: str) -> None:
    version = FunctionVersion(
        account="111122223333",
        region="eu-west-1",
        name=name,
        runtime="python3.12",
        code=Code(sha256="", size=0),
        settings={"Role": "arn:aws:iam::111122223333:role/service-role/worker"},
    )

    def build() -> dict[str, str]:
        return environ.build(
            version,
            log_group="g",
            log_stream="s",
            endpoint_url=None,
            initialization_type="on-demand",
        )

    one, other = build(), build()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    assert len({each[name] for each in (one, other) for name in names}) == 6
    who = credentials.identify(one["AWS_SESSION_TOKEN"])
    assert who is not None
    assert who.arn == f"arn:aws:sts::111122223333:assumed-role/worker/{session}"
    assert who.user_id.endswith(f":{session}")
    assert credentials.account_of(one["AWS_ACCESS_KEY_ID"]) == "111122223333"
