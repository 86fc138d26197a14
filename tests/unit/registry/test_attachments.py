"""What hangs on a function goes into its document and comes back, in the form of every release."""

from __future__ import annotations

from typing import Any

import orjson

from emulator.registry.attachments import Attachments, EventInvokeConfig, FunctionUrl

#: As releases up to 0.1 wrote it, with every kind and member there was.
DOCUMENT: dict[str, Any] = {
    "policy": {"$LATEST": {"Policy": "{}", "RevisionId": "p"}},
    "url": {
        "live": {
            "UrlId": "abc",
            "FunctionArn": "arn:live",
            "AuthType": "NONE",
            "InvokeMode": "RESPONSE_STREAM",
            "CreationTime": "2026-01-01T00:00:00.000000Z",
            "LastModifiedTime": "2026-01-02T00:00:00.000000Z",
            "Cors": {"AllowOrigins": ["*"]},
        }
    },
    "event-invoke": {
        "1": {
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 60,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:queue"}},
            "FunctionArn": "arn:1",
            "LastModified": 1.5,
        }
    },
    "provisioned": {
        "live": {
            "RequestedProvisionedConcurrentExecutions": 2,
            "LastModified": "2026-01-01T00:00:00+0000",
        }
    },
    "runtime": {"1": {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:runtime"}},
    "scaling": {"1": {"MinExecutionEnvironments": 0, "MaxExecutionEnvironments": 3}},
    "recursion": {"$LATEST": "Allow"},
    "code-signing": {"$LATEST": "arn:signing"},
}


def test_a_document_is_read_and_written_as_it_was() -> None:
    found = Attachments.from_document(DOCUMENT)
    assert orjson.loads(orjson.dumps(found.to_document())) == DOCUMENT
    assert found.urls["live"].cors == {"AllowOrigins": ["*"]}
    assert found.event_invoke["1"].destination("OnFailure") == "arn:queue"
    assert found.event_invoke["1"].destination("OnSuccess") is None
    assert (found.scaling["1"].minimum, found.scaling["1"].maximum) == (0, 3)
    assert (found.recursive_loop, found.code_signing_config) == ("Allow", "arn:signing")


def test_what_is_not_set_is_neither_stored_nor_missed() -> None:
    assert Attachments().to_document() == {}
    assert Attachments.from_document({}) == Attachments()
    # Stored by earlier releases: a member that is null, a kind without entries.
    before = {"runtime": {"1": {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": None}}, "url": {}}
    found = Attachments.from_document(before)
    assert found.to_document() == {"runtime": {"1": {"UpdateRuntimeOn": "Auto"}}}
    assert EventInvokeConfig(maximum_retry_attempts=0).to_wire()["MaximumRetryAttempts"] == 0


def test_a_deleted_alias_takes_everything_along_that_was_its_own() -> None:
    found = Attachments.from_document(DOCUMENT)
    found.urls["$LATEST"] = FunctionUrl.from_wire(DOCUMENT["url"]["live"])
    found.forget("live")
    assert list(found.urls) == ["$LATEST"]
    assert not found.provisioned
    assert list(found.policies) == ["$LATEST"]
