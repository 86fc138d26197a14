"""What of the embedded library is touched, against the library itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from emulator.engines.embedded.journal import Journal
from emulator.engines.embedded.library import Library, is_read

pytest.importorskip("moto", reason="the extra aws is not installed")


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    from joserfc.jwk import RSAKey
    from moto.utilities.utils import load_resource

    # Every pool reads the same key, which takes a tenth of a second: here it is read once.
    key = RSAKey.import_key(load_resource("cognitoidp/resources/jwks-private.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RSAKey, "import_key", lambda _: key)
        yield Library()


@pytest.fixture
def journals(library: Library, tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Make journals in one folder, as one start of the process after the other does."""
    made: list[Journal] = []

    def make(**bounds: int) -> Journal:
        made.append(Journal(tmp_path, library, **bounds))
        made[-1].replay()
        return made[-1]

    yield make
    for each in made:
        each.close()


def _json(service: str, target: str, account: str = "000000000000") -> dict[str, Any]:
    return {
        "method": "POST",
        "target": "/",
        "headers": {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"},
        "service": service,
        "account": account,
        "region": "eu-west-1",
    }


def _make_key(journal: Journal, account: str = "000000000000") -> str:
    head = _json("kms", "TrentService.CreateKey", account)
    status, _, body = journal.request(head, b"{}") or (0, [], b"")
    assert status == 200
    return str(orjson.loads(body)["KeyMetadata"]["KeyId"])


def _keys(journal: Journal, account: str = "000000000000") -> set[str]:
    head = _json("kms", "TrentService.ListKeys", account)
    _, _, body = journal.request(head, b"{}") or (0, [], b"{}")
    return {each["KeyId"] for each in orjson.loads(body)["Keys"]}


def _make_pool(journal: Journal, name: str) -> str:
    head = _json("cognito-idp", "AWSCognitoIdentityProviderService.CreateUserPool")
    _, _, body = journal.request(head, orjson.dumps({"PoolName": name})) or (0, [], b"")
    return str(orjson.loads(body)["UserPool"]["Id"])


def _pools(journal: Journal) -> set[str]:
    head = _json("cognito-idp", "AWSCognitoIdentityProviderService.ListUserPools")
    _, _, body = journal.request(head, b'{"MaxResults": 60}') or (0, [], b"{}")
    return {each["Id"] for each in orjson.loads(body)["UserPools"]}


def _make_secret(journal: Journal, name: str) -> str:
    head = _json("secretsmanager", "secretsmanager.CreateSecret")
    body = orjson.dumps({"Name": name, "SecretString": "x"})
    _, _, answer = journal.request(head, body) or (0, [], b"")
    return str(orjson.loads(answer)["ARN"])


def _secrets(journal: Journal) -> set[str]:
    head = _json("secretsmanager", "secretsmanager.ListSecrets")
    _, _, body = journal.request(head, b"{}") or (0, [], b"{}")
    return {each["ARN"] for each in orjson.loads(body)["SecretList"]}


def test_requests_arrive_unchanged(library: Library) -> None:
    """A path with escapes, a header with an underscore and a body of bytes."""
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/s3/x"}
    head = {
        "method": "PUT",
        "target": "/bucket",
        "headers": signed,
        "service": "s3",
        "account": "000000000000",
        "region": "us-east-1",
    }
    body = bytes(range(256))
    assert (library.request(head, b"") or (0,))[0] == 200
    named = {
        **head,
        "target": "/bucket/a%2Fb%20c",
        "headers": {**signed, "x-amz-meta-my_name": "v"},
    }
    assert (library.request(named, body) or (0,))[0] == 200
    answer = library.request({**named, "method": "GET", "headers": signed}, b"")
    assert answer is not None
    status, headers, content = answer
    assert (status, content) == (200, body)
    assert ("x-amz-meta-my_name", "v") in [(name.lower(), value) for name, value in headers]


def test_an_operation_without_a_handler_is_not_implemented(library: Library) -> None:
    answer = library.request(_json("kms", "TrentService.ConnectCustomKeyStore"), b"{}")
    assert answer is not None
    assert answer[0] == 400
    assert orjson.loads(answer[2]) == {
        "__type": "NotImplementedException",
        "message": "localfaas does not serve ConnectCustomKeyStore of kms.",
    }
    assert library.request(_json("no-such-service", "X.Y"), b"{}") is None


def test_accounts_and_invented_regions_do_not_meet(journals: Callable[..., Journal]) -> None:
    journal = journals()
    key = _make_key(journal, "111122223333")
    assert key in _keys(journal, "111122223333")
    assert key not in _keys(journal, "444455556666")
    head = {**_json("kms", "TrentService.ListKeys", "111122223333"), "region": "zz-none-9"}
    _, _, body = journal.request(head, b"{}") or (0, [], b"")
    assert orjson.loads(body)["Keys"] == []


def test_writes_done_again_make_the_same(
    library: Library, journals: Callable[..., Journal]
) -> None:
    journal = journals()
    keys = {_make_key(journal) for _ in range(5) if _keys(journal) is not None}
    pools = {_make_pool(journal, f"p{n}") for n in range(3)}
    for name in ("kms", "cognitoidp"):
        library.forget(name, None)
    assert _keys(journal) == set()
    again = journals()
    assert keys <= _keys(again)
    assert pools <= _pools(again)


def test_a_write_that_was_cut_off_is_left_out(
    library: Library, tmp_path: Path, journals: Callable[..., Journal]
) -> None:
    journal = journals()
    key = _make_key(journal)
    path = tmp_path / "journal"
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\x00\x00\x01\x00\x00")
    library.forget("kms", None)
    again = journals()
    assert key in _keys(again)
    assert path.stat().st_size == whole


def test_a_long_journal_becomes_snapshots(
    library: Library, tmp_path: Path, journals: Callable[..., Journal]
) -> None:
    for name in ("secretsmanager", "cognitoidp"):
        library.forget(name, None)
    journal = journals(most_requests=6)
    pools = {_make_pool(journal, f"p{n}") for n in range(3)}
    secrets = {_make_secret(journal, f"s{n}") for n in range(8)}
    assert (tmp_path / "secretsmanager.snapshot").exists()
    for name in ("secretsmanager", "cognitoidp"):
        library.forget(name, None)
    again = journals(most_requests=6)
    assert _secrets(again) == secrets
    assert _pools(again) == pools
    for number in range(9):
        # A backend that can't be written down keeps its first writes.
        _make_pool(again, f"more-{number}")
    kept = {name: each["lasts"] for name, each in again.describe().items()}
    assert kept == {"secretsmanager": "yes", "cognitoidp": "its first writes"}
    again.reset(None)
    assert _pools(again) == _secrets(again) == set()
    assert not (tmp_path / "secretsmanager.snapshot").exists()


def test_a_journal_that_was_not_yet_shortened_is_not_done_twice(
    library: Library,
    tmp_path: Path,
    journals: Callable[..., Journal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library.forget("secretsmanager", None)
    journal = journals()
    secrets = {_make_secret(journal, f"held-{number}") for number in range(2)}
    held = (tmp_path / "journal").read_bytes()
    journal.shorten()
    assert (tmp_path / "journal").read_bytes() == b""
    secrets.add(_make_secret(journal, "after"))
    # As if the process had ended between the two.
    (tmp_path / "journal").write_bytes(held + (tmp_path / "journal").read_bytes())
    library.forget("secretsmanager", None)
    done: list[str] = []
    request = library.request

    def count(head: dict[str, Any], body: bytes) -> Any:
        done.append(orjson.loads(body)["Name"])
        return request(head, body)

    monkeypatch.setattr(library, "request", count)
    again = journals()
    monkeypatch.undo()
    assert done == ["after"]
    assert _secrets(again) == secrets


def test_ids_stay_new_after_a_snapshot(library: Library, journals: Callable[..., Journal]) -> None:
    library.forget("secretsmanager", None)
    journal = journals()
    made = [_make_secret(journal, f"same-{account}") for account in range(3)]
    journal.shorten()
    library.forget("secretsmanager", None)
    again = journals()
    later = [_make_secret(again, f"later-{number}") for number in range(3)]
    # The last six characters are random.
    endings = {arn.rpartition("-")[2] for arn in made + later}
    assert len(endings) == 6


def test_a_backend_of_which_no_more_is_kept_costs_the_others_nothing(
    library: Library,
    tmp_path: Path,
    journals: Callable[..., Journal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("secretsmanager", "cognitoidp"):
        library.forget(name, None)
    journal = journals(most_requests=6)
    for number in range(8):
        _make_pool(journal, f"p{number}")
    assert (tmp_path / "cognitoidp.full").exists()
    shortened = []
    monkeypatch.setattr(journal, "shorten", lambda: shortened.append(1))
    secrets = {_make_secret(journal, f"s{number}") for number in range(6)}
    assert shortened == []
    library.forget("secretsmanager", None)
    assert _secrets(journals(most_requests=6)) == secrets


def test_what_an_account_keeps_is_not_done_twice_after_another_is_reset(
    library: Library, journals: Callable[..., Journal]
) -> None:
    library.forget("kms", None)
    journal = journals()
    first, gone = _make_key(journal), _make_key(journal, "111122223333")
    journal.shorten()
    second = _make_key(journal)
    journal.reset("111122223333")
    library.forget("kms", None)
    again = journals()
    assert {first, second} <= _keys(again)
    assert gone not in _keys(again, "111122223333")


def test_what_reads_is_not_kept() -> None:
    assert is_read(_json("kms", "TrentService.DescribeKey"), b"")
    assert not is_read(_json("kms", "TrentService.ScheduleKeyDeletion"), b"")
    rest = {"method": "GET", "target": "/applications", "headers": {}}
    assert is_read(rest, b"")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert is_read({"method": "POST", "target": "/", "headers": form}, b"Action=ListRoles&V=1")
