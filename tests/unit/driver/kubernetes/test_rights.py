"""The rights that the driver needs, and the Role that grants them."""

from __future__ import annotations

from pathlib import Path

import yaml

from emulator.driver.kubernetes.rights import RIGHTS, missing

_DEPLOY = Path(__file__).parents[4] / "deploy/kubernetes/base"
_ALL = [(right.resource, verb) for right in RIGHTS for verb in right.verbs]


def test_the_role_grants_what_the_driver_needs_and_nothing_else() -> None:
    documents = yaml.safe_load_all((_DEPLOY / "rights.yaml").read_text())
    (role,) = (each for each in documents if each["kind"] == "Role")
    assert role["rules"] == [yaml.safe_load(right.rule)[0] for right in RIGHTS]


def test_no_right_lets_it_into_containers_or_read_secrets() -> None:
    assert "pods/exec" not in {right.resource for right in RIGHTS}
    assert not {("secrets", verb) for verb in ("get", "list", "watch")} & set(_ALL)


def test_nothing_is_missing_where_all_is_allowed() -> None:
    assert missing(_ALL) == []


def test_a_missing_verb_is_told_alone() -> None:
    (lack,) = missing(each for each in _ALL if each != ("pods", "watch"))
    assert yaml.safe_load(lack.rule) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}
    ]


def test_a_right_to_pods_is_none_to_their_logs() -> None:
    lacking = missing(each for each in _ALL if each[0] == "pods")
    assert [right.resource for right in lacking] == [right.resource for right in RIGHTS[1:]]
