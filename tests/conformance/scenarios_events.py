"""Scenarios of EventBridge, as they were recorded."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from emulator.services.events import replaying
from tests.conformance.recorded import Comparison
from tests.conformance.replay import ACCOUNT, REGION, new_name
from tests.conformance.test_event_patterns import PATTERNS, load_pattern
from tests.patience import until

OTHER_ACCOUNT = "222222222222"
DETAIL = {
    "command": "update-account",
    "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"},
}
SOURCE = "core.update-account-command"
PATTERN = {
    "source": [SOURCE],
    "detail-type": [SOURCE],
    "detail": {"command": ["update-account"]},
}
ENTRY = {"Source": SOURCE, "DetailType": SOURCE, "Detail": json.dumps(DETAIL)}

Replay = Callable[["EventScenario"], None]


class Bus:
    """A bus: the default one, or one of the scenario's own."""

    def __init__(self, s: EventScenario, name: str, events: Any, account: str, region: str) -> None:
        self.s, self.name, self.events = s, name, events
        self.account, self.region = account, region
        self.arn = f"arn:aws:events:{region}:{account}:event-bus/{name}"

    def rule(self, pattern: Any = None, name: str = "", **members: Any) -> str:
        """Make a rule; returns its name."""
        name = name or new_name("rule")
        given = dict(members) if members else {"EventPattern": json.dumps(pattern or PATTERN)}
        self.events.put_rule(Name=name, EventBusName=self.name, **given)
        return name

    def to(self, arn: str, pattern: Any = None, **target: Any) -> str:
        """Send what matches to a target."""
        name = self.rule(pattern)
        targets = [{"Id": new_name("target"), "Arn": arn, **target}]
        self.events.put_targets(Rule=name, EventBusName=self.name, Targets=targets)
        return name

    def put(self, *details: Any, **members: Any) -> Any:
        entries = [
            {**ENTRY, "Detail": json.dumps(each), "EventBusName": self.name, **members}
            for each in details or (DETAIL,)
        ]
        return self.events.put_events(Entries=entries)


class EventScenario:
    """One scenario under way; steps are compared as they are noted."""

    def __init__(self, comparison: Comparison, clients: Any) -> None:
        self._comparison, self.clients = comparison, clients
        self.events = clients("events")
        self.sqs = clients("sqs")

    def know(self, **names: str) -> None:
        for name, value in names.items():
            self._comparison.know(f"<{name.replace('_', '-')}>", value)

    def know_exactly(self, placeholder: str, value: str) -> None:
        self._comparison.know(placeholder, value)

    def forget(self, placeholder: str) -> None:
        """Let a placeholder stand for another value from now on."""
        self._comparison.forget(placeholder)

    def note(self, step: str, answer: Any) -> Any:
        self._comparison.match(step, answer)
        return answer

    def call(self, step: str, operation: str, **request: Any) -> Any:
        return self.note(step, getattr(self.events, operation)(**request))

    def error(self, step: str, operation: str, **request: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(self.events, operation)(**request)
        self.note(step, caught.value.response)

    def bus(self, kind: str = "custom", account: str = ACCOUNT, region: str = REGION) -> Bus:
        events = self.clients("events", aws_access_key_id=account, region_name=region)
        name = "default"
        if kind != "default":
            name = new_name("bus")
            events.create_event_bus(Name=name)
        return Bus(self, name, events, account, region)

    def queue(self, account: str = ACCOUNT, region: str = REGION, **attributes: str) -> Queue:
        return Queue(self.clients("sqs", aws_access_key_id=account, region_name=region),
                     account, region, attributes)  # fmt: skip


class Queue:
    """A queue that events are sent to."""

    def __init__(self, sqs: Any, account: str, region: str, attributes: dict[str, str]) -> None:
        name = new_name("queue")
        self.sqs = sqs
        # What was received stays hidden for longer than any scenario lasts.
        given = {"VisibilityTimeout": "600", **attributes}
        self.url = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{region}:{account}:{name}"

    def messages(self, count: int = 1) -> list[Any]:
        found: list[Any] = []
        until = time.monotonic() + 60
        while len(found) < count and time.monotonic() < until:
            answer = self.sqs.receive_message(
                QueueUrl=self.url, WaitTimeSeconds=5, MaxNumberOfMessages=10
            )
            found += answer.get("Messages", [])
        return found


# -- connections ----------------------------------------------------------------------------------


def _connection(kind: str, parameters: Any, s: EventScenario) -> None:
    name = new_name("connection")
    s.know(connection_name=name)
    s.call("create-connection-auth", "create_connection", Name=name, AuthorizationType=kind,
           AuthParameters=parameters)  # fmt: skip
    described = s.events.describe_connection(Name=name)
    arn = described["SecretArn"]
    secret_id, _, suffix = arn.rpartition("/")[2].rpartition("-")
    s.know(secret_uuid=secret_id, secret_id_suffix=suffix)
    s.note("describe-connection-auth", described)
    s.note("connection-secret", s.clients("secretsmanager").get_secret_value(SecretId=arn))


_BASIC = {"BasicAuthParameters": {"Username": "user", "Password": "pass"}}
_OAUTH = {
    "OAuthParameters": {
        "AuthorizationEndpoint": "https://example.com/oauth",
        "ClientParameters": {"ClientID": "client_id", "ClientSecret": "client_secret"},
        "HttpMethod": "POST",
    }
}
_KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "ApiKey", "ApiKeyValue": "secret"}}


def _list_connections(s: EventScenario) -> None:
    name = new_name("connection")
    s.know(connection_name=name)
    s.events.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters=_BASIC)
    s.call("list-connections", "list_connections", NamePrefix=name)


# -- archives and replays -------------------------------------------------------------------------


def _archive(s: EventScenario, bus: Bus, **members: Any) -> str:
    # No other name begins as this one does without its last letter.
    name = f"{new_name('archive')}-a"
    s.know(archive_name=name, event_bus_name=bus.name)
    s.events.create_archive(
        ArchiveName=name,
        EventSourceArn=bus.arn,
        **{
            "EventPattern": json.dumps(PATTERN),
            "Description": "description of the archive",
            "RetentionDays": 1,
            **members,
        },
    )
    return name


def _archive_life(s: EventScenario) -> None:
    bus, name = s.bus("default"), new_name("archive")
    s.know(archive_name=name, event_bus_name=bus.name)
    given = {"EventPattern": json.dumps(PATTERN), "Description": "description of the archive",
             "RetentionDays": 1}  # fmt: skip
    s.call("create-archive", "create_archive", ArchiveName=name, EventSourceArn=bus.arn, **given)
    s.call("list-archives", "list_archives", NamePrefix=name)
    s.call("describe-archive", "describe_archive", ArchiveName=name)
    s.call("update-archive", "update_archive", ArchiveName=name, Description="another",
           RetentionDays=2)  # fmt: skip
    s.call("delete-archive", "delete_archive", ArchiveName=name)


def _archive_with_events(s: EventScenario) -> None:
    bus = s.bus("default")
    name = _archive(s, bus)
    bus.put(*[DETAIL] * 10)
    until(lambda: s.events.describe_archive(ArchiveName=name)["EventCount"] == 10)
    s.call("list-archives", "list_archives", NamePrefix=name)
    s.call("describe-archive", "describe_archive", ArchiveName=name)
    s.events.delete_archive(ArchiveName=name)


def _archives_by_prefix(s: EventScenario) -> None:
    name = _archive(s, s.bus())
    s.call("list-archives-with-name-prefix", "list_archives", NamePrefix=name[:-1])
    s.call("list-archives-with-full-name", "list_archives", NamePrefix=name)
    s.call("list-archives-not-existing-archive", "list_archives", NamePrefix="doesnotexist")


def _archives_by_source(s: EventScenario) -> None:
    bus = s.bus()
    _archive(s, bus)
    s.call("list-archives-with-source-arn", "list_archives", EventSourceArn=bus.arn)


def _replay(s: EventScenario, bus: Bus, archive: str, name: str, **more: Any) -> Any:
    now = datetime.now(UTC)
    return s.events.start_replay(
        ReplayName=name,
        EventSourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:archive/{archive}",
        EventStartTime=now - timedelta(minutes=1),
        EventEndTime=now,
        Destination={"Arn": bus.arn},
        **more,
    )


def _replays_by_prefix(s: EventScenario) -> None:
    bus = s.bus()
    archive, prefix = _archive(s, bus), new_name("replay")
    s.know(replay_name_prefix=prefix)
    name = f"{prefix}-test-replay"
    _replay(s, bus, archive, name)
    while s.events.describe_replay(ReplayName=name)["State"] != "COMPLETED":
        time.sleep(0.05)
    s.call("list-replays-with-prefix", "list_replays", NamePrefix=prefix)
    s.call("list-replays-with-full-name", "list_replays", NamePrefix=name)


def _too_many_replays(s: EventScenario) -> None:
    bus = s.bus()
    archive, prefix = _archive(s, bus), new_name("replay")
    # All ten are under way when the next one comes, however slow this machine is.
    with patch.object(replaying, "_STARTING_S", 60.0):
        for number in range(10):
            _replay(s, bus, archive, f"{prefix}-{number}")
        with pytest.raises(ClientError) as caught:
            _replay(s, bus, archive, f"{prefix}-10")
    # They are gone before somebody else's replay begins.
    address = f"{s.events.meta.endpoint_url}/_emulator/reset?account={ACCOUNT}"
    urllib.request.urlopen(urllib.request.Request(address, method="POST"), timeout=60).close()
    s.note("list-replays-with-limit", caught.value.response)


def _replay_of_an_unknown_bus(s: EventScenario) -> None:
    bus = s.bus()
    archive, unknown = _archive(s, bus), new_name("unknown")
    s.know(event_bus_name=unknown)
    for step, arn in (
        ("start-replay-unknown-event-bus-error", bus.arn.replace(bus.name, unknown)),
        ("start-replay-wrong-event-bus-error", bus.arn.replace(bus.name, "default")),
    ):
        now = datetime.now(UTC)
        s.error(
            step,
            "start_replay",
            ReplayName=new_name("replay"),
            EventSourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:archive/{archive}",
            EventStartTime=now - timedelta(minutes=1),
            EventEndTime=now,
            Destination={"Arn": arn},
        )


def _unknown_replay(s: EventScenario) -> None:
    name = new_name("replay")
    s.know(replay_name=name)
    s.error("describe-replay-unknown-replay-error", "describe_replay", ReplayName=name)


# -- buses ----------------------------------------------------------------------------------------


def _buses(s: EventScenario, **described: str) -> None:
    name = new_name("bus")
    s.know(bus_name=name)
    for region in ("us-east-1", "us-west-1", "eu-central-1"):
        s.forget("<region>")
        s.know(region=region)
        events = s.clients("events", region_name=region)

        def step(verb: str, answer: Any, region: str = region) -> None:
            s.note(f"{verb}-{region}", answer)

        step("create-custom-event-bus", events.create_event_bus(Name=name, **described))
        step("list-event-buses-after-create", events.list_event_buses(NamePrefix=name))
        step("describe-custom-event-bus", events.describe_event_bus(Name=name))
        step("delete-custom-event-bus", events.delete_event_bus(Name=name))
        step("list-event-buses-after-delete", events.list_event_buses(NamePrefix=name))


def _buses_with_limit(s: EventScenario) -> None:
    prefix = new_name("buses")
    s.know(bus_name_prefix=prefix)
    for number in range(6):
        s.events.create_event_bus(Name=f"{prefix}-{number}")
    first = s.call("list-event-buses-limit", "list_event_buses", Limit=3, NamePrefix=prefix)
    s.call("list-event-buses-limit-next-token", "list_event_buses", NamePrefix=prefix,
           NextToken=first["NextToken"])  # fmt: skip


def _buses_with_prefix(s: EventScenario) -> None:
    name = new_name("bus")
    s.know(bus_name=name)
    s.events.create_event_bus(Name=name)
    s.events.create_event_bus(Name=f"other-{name}")
    s.call("list-event-buses-prefix-complete-name", "list_event_buses", NamePrefix=name)
    s.call("list-event-buses-prefix", "list_event_buses", NamePrefix=name)


def _no_such_bus(s: EventScenario) -> None:
    queue, unknown, bus = s.queue(), new_name("unknown"), s.bus("default")
    s.know(custom_event_bus=unknown)
    pattern = {"source": ["MySource"]}
    rule = bus.to(queue.arn, pattern)
    entries = [
        {"Source": "MySource", "DetailType": "CustomType",
         "Detail": json.dumps({"message": "for the default event bus"})},
        {"EventBusName": unknown, "Source": "MySource", "DetailType": "CustomType",
         "Detail": json.dumps({"message": "for the custom event bus"})},
    ]  # fmt: skip
    s.call("put-events", "put_events", Entries=entries)
    s.note("get-events", queue.messages())
    s.error("non-existent-bus-error", "describe_event_bus", Name=unknown)
    (target,) = s.events.list_targets_by_rule(Rule=rule)["Targets"]
    s.events.remove_targets(Rule=rule, Ids=[target["Id"]])


def _remove_permission(s: EventScenario) -> None:
    bus = s.bus()
    s.know(bus_name=bus.name, account_id=ACCOUNT, secondary_account_id=OTHER_ACCOUNT)
    sids = [new_name("statement") for _ in range(2)]
    for sid in sids:
        s.events.put_permission(EventBusName=bus.name, Action="events:PutEvents",
                                Principal=OTHER_ACCOUNT, StatementId=sid)  # fmt: skip
    s.call("remove-permission", "remove_permission", EventBusName=bus.name, StatementId=sids[0])
    s.call("describe-event-bus-remove-permission", "describe_event_bus", Name=bus.name)
    s.call("remove-permission-all", "remove_permission", EventBusName=bus.name,
           RemoveAllPermissions=True)  # fmt: skip
    s.call("describe-event-bus-remove-permission-all", "describe_event_bus", Name=bus.name)


# -- rules ----------------------------------------------------------------------------------------


def _values_in_array(s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    bus.to(queue.arn, {"detail": {"event": {"data": {"type": ["1", "2"]}}}}, InputPath="$.detail")
    details = [{"event": {"data": {"type": each}}} for each in (["3", "1"], ["2"])]
    found = []
    for detail in details:
        bus.put(detail)
        found += queue.messages()
    s.note("messages", found)


def _delete_with_targets(s: EventScenario) -> None:
    bus = s.bus("default")
    rule = bus.to(s.queue().arn, {"source": ["nobody"]})
    s.error("delete-rule-with-targets-error", "delete_rule", Name=rule)


def _no_such_rule(s: EventScenario) -> None:
    name = new_name("rule")
    s.know(rule_name=name)
    s.error("describe-not-existing-rule-error", "describe_rule", Name=name)


def _names_by_target(s: EventScenario) -> None:
    bus, queue, prefix = s.bus("default"), s.queue(), new_name("rules")
    s.know(rule_prefix=prefix)
    for number in range(3):
        name = bus.rule({"source": ["nobody"]}, f"{prefix}{number}")
        bus.events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue.arn}])
    s.call("list_rule_names_by_target", "list_rule_names_by_target", TargetArn=queue.arn)


def _no_names_by_target(kind: str, s: EventScenario) -> None:
    bus = s.bus(kind)
    s.call("list_rule_names_by_target_no_matches", "list_rule_names_by_target",
           TargetArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:nobody", EventBusName=bus.name)  # fmt: skip


def _rules_with_limit(s: EventScenario) -> None:
    bus, prefix = s.bus(), new_name("rules")
    s.know(bus_name=bus.name, rule_name_prefix=prefix)
    for number in range(6):
        bus.rule(name=f"{prefix}-{number}")
    given = {"NamePrefix": prefix, "EventBusName": bus.name}
    first = s.call("list-rules-limit", "list_rules", Limit=3, **given)
    s.call("list-rules-limit-next-token", "list_rules", NextToken=first["NextToken"], **given)


def _rule_life(s: EventScenario) -> None:
    bus, name = s.bus(), new_name("rule")
    s.know(bus_name=bus.name, rule_name=name)
    given = {"Name": name, "EventBusName": bus.name}
    s.call("put-rule", "put_rule", EventPattern=json.dumps(PATTERN), **given)
    listed = {"NamePrefix": name[:-1], "EventBusName": bus.name}
    s.call("list-rules", "list_rules", **listed)
    s.call("describe-rule", "describe_rule", **given)
    s.call("delete-rule", "delete_rule", **given)
    s.call("list-rules-after-delete", "list_rules", **listed)


def _too_many_targets(s: EventScenario) -> None:
    bus = s.bus("default")
    rule = bus.rule({"source": ["nobody"]})
    targets = [{"Id": f"id{each}", "Arn": s.queue().arn} for each in range(7)]
    s.error("put-targets-client-error", "put_targets", Rule=rule, Targets=targets)


def _pattern(name: str, s: EventScenario) -> None:
    pattern, event = load_pattern(PATTERNS / f"{name}.json5")
    with pytest.raises(ClientError) as caught:
        s.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))
    response = caught.value.response
    raw = response["Error"]["Message"]
    response["Error"] |= {"MessageRaw": raw, "Message": raw.partition("\n")[0]}
    found = {"exception_type": str(type(caught.value)), "exception_message": response}
    s.note(name, found)


def _plain_payload(s: EventScenario) -> None:
    s.error("plain-string-payload-exc", "test_event_pattern", Event="plain string payload",
            EventPattern=json.dumps({"body": {"message": ["foo"]}}))  # fmt: skip


def _exists(s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    bus.to(queue.arn, {"detail": {"payload": [{"exists": True}]}})
    bus.put({"key": "value", "payload": "baz"}, {"key": "value", "no-payload": "baz"})
    s.note("rule-exists-true", queue.messages())


def _bad_cron(expression: str, s: EventScenario) -> None:
    s.error("invalid-put-rule", "put_rule", Name=new_name("rule"), ScheduleExpression=expression)


def _cron(expression: str, s: EventScenario) -> None:
    name = new_name("rule")
    s.know(rule_name=name)
    s.call("put-rule", "put_rule", Name=name, ScheduleExpression=expression)
    s.call("list-rules", "list_rules", NamePrefix=name)
    s.events.delete_rule(Name=name)


# -- tags -----------------------------------------------------------------------------------------

_TAGS = [{"Key": "tag1", "Value": "value1"}, {"Key": "tag2", "Value": "value2"}]


def _bus_with_tags(s: EventScenario) -> None:
    name = new_name("bus")
    s.know_exactly("<bus_name>", name)
    made = s.call("create_event_bus_with_tags", "create_event_bus", Name=name, Tags=_TAGS)
    s.call("list_tags_for_event_bus", "list_tags_for_resource", ResourceARN=made["EventBusArn"])


def _rule_with_tags(s: EventScenario) -> None:
    name = new_name("rule")
    s.know_exactly("<rule_name>", name)
    made = s.call("put_rule_with_tags", "put_rule", Name=name, Tags=_TAGS,
                  EventPattern=json.dumps({"source": ["nobody"]}))  # fmt: skip
    s.call("list_tags_for_rule", "list_tags_for_resource", ResourceARN=made["RuleArn"])


def _tags_of_a_deleted_bus(s: EventScenario) -> None:
    bus = s.bus()
    s.know_exactly("<bus_name>", bus.name)
    s.events.tag_resource(ResourceARN=bus.arn, Tags=_TAGS)
    s.events.delete_event_bus(Name=bus.name)
    s.error("list_tags_for_deleted_rule_error", "list_tags_for_resource", ResourceARN=bus.arn)


def _default_bus_keeps_tags(s: EventScenario) -> None:
    bus = s.bus("default")
    s.events.tag_resource(ResourceARN=bus.arn, Tags=_TAGS[:1])
    with pytest.raises(ClientError):
        s.events.create_event_bus(Name="default")
    s.call("list_tags_for_resource", "list_tags_for_resource", ResourceARN=bus.arn)


def _recreated_rule_has_no_tags(s: EventScenario) -> None:
    bus = s.bus()
    given = {"Name": new_name("rule"), "EventBusName": bus.name}
    pattern = json.dumps(PATTERN)
    s.events.put_rule(EventPattern=pattern, Tags=_TAGS[:1], **given)
    s.events.delete_rule(**given)
    arn = s.events.put_rule(EventPattern=pattern, **given)["RuleArn"]
    s.call("list_tags_for_resource", "list_tags_for_resource", ResourceARN=arn)


def _tag_and_untag(kind: str, s: EventScenario) -> None:
    bus = s.bus(kind)
    rule = bus.rule({"source": ["nobody"]})
    arn = s.events.describe_rule(Name=rule, EventBusName=bus.name)["Arn"]
    s.call("tag_resource", "tag_resource", ResourceARN=arn, Tags=_TAGS)
    s.call("list_tags_for_resource", "list_tags_for_resource", ResourceARN=arn)
    s.call("untag_resource", "untag_resource", ResourceARN=arn, TagKeys=["tag2"])
    s.call("list_tags_for_untagged_resource", "list_tags_for_resource", ResourceARN=arn)
    if kind == "custom":
        s.call("untag_resource_not_existing_tag", "untag_resource", ResourceARN=arn,
               TagKeys=["tag3"])  # fmt: skip


# -- targets and inputs ---------------------------------------------------------------------------


def _to_another_account(s: EventScenario) -> None:
    bus = s.bus(account=OTHER_ACCOUNT)
    queue = s.queue(account=OTHER_ACCOUNT)
    s.know(account=ACCOUNT)
    bus.events.put_permission(EventBusName=bus.name, Action="events:PutEvents",
                              Principal=ACCOUNT, StatementId="other")  # fmt: skip
    bus.to(queue.arn, {"source": ["source-primary"]})
    s.events.put_events(Entries=[{**ENTRY, "Source": "source-primary", "EventBusName": bus.arn}])
    s.note("messages", queue.messages())


def _from_bus_to_bus(kind: str, account: str, region: str, s: EventScenario) -> None:
    first, second = s.bus(kind), s.bus(kind, account, region)
    s.know(account=ACCOUNT, region=REGION, region_secondary=region)
    if account != ACCOUNT:
        s.know(account_secondary=account)
    near, far = s.queue(), s.queue(account, region)
    first.to(near.arn, {"source": ["source-primary"]})
    first.to(second.arn, {"source": ["source-primary"]})
    second.to(far.arn, {"source": ["source-primary", "source-secondary"]})
    first.put(Source="source-primary")
    s.note("messages_primary_queue_from_primary_event_bus", near.messages())
    s.note("messages_secondary_queue_from_primary_event_bus", far.messages())
    second.put(Source="source-secondary")
    s.note("messages_secondary_queue_from_secondary_event_bus", far.messages())


def _input_path(detail: Any, path: str, s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    bus.to(queue.arn, {"source": [SOURCE]}, InputPath=path)
    bus.put(detail)
    s.note("message", queue.messages())


def _nested_keys(template: str, s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    paths = {"userId": "$.detail.payload.acc_id", "payload": "$.detail.payload",
             "valid": "$.detail.valid"}  # fmt: skip
    transformer = {"InputPathsMap": paths, "InputTemplate": template}
    bus.to(queue.arn, InputTransformer=transformer)
    bus.put({**DETAIL, "valid": True} if "<valid>" in template else DETAIL)
    s.note("input-transformed-messages", queue.messages())


def _predefined(s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    template = (
        '"Message containing all pre defined variables <aws.events.rule-arn> '
        '<aws.events.rule-name> <aws.events.event.ingestion-time>"'
    )
    rule = bus.to(queue.arn, InputTransformer={"InputPathsMap": {}, "InputTemplate": template})
    s.know(bus_name=bus.name, rule_name=rule)
    bus.put()
    (message,) = queue.messages()
    # The moment was recorded as the word for it.
    head, _, _ = message["Body"].rpartition(" ")
    s.note("messages", [{**message, "Body": f'{head} date"'}])


def _template(template: str, s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    paths = {"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command"}
    bus.to(
        queue.arn,
        {"source": [SOURCE]},
        InputTransformer={"InputPathsMap": paths, "InputTemplate": template},
    )
    for step, detail in (
        ("custom-variables-match-all", DETAIL),
        ("custom-variables-not-match-all", {"payload": DETAIL["payload"]}),
    ):
        bus.put(detail)
        s.note(step, queue.messages())


def _to_a_topic(s: EventScenario) -> None:
    queue, bus, sns = s.queue(), s.bus(), s.clients("sns")
    topic = sns.create_topic(Name=new_name("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    bus.to(topic)
    bus.put()
    (message,) = queue.messages()
    body = json.loads(message["Body"])
    event = json.loads(body["Message"])
    told = body["Message"].replace(event["id"], "message-id").replace(event["time"], "date")
    known = {"Message": told.replace(REGION, "<region>"), "Signature": "signature",
             "SigningCertURL": "signing-cert-u-r-l", "TopicArn": "topic-arn",
             "Timestamp": "date", "UnsubscribeURL": "unsubscribe-u-r-l"}  # fmt: skip
    s.forget("<region>")
    s.note("messages", [{**message, "Body": json.dumps({**body, **known})}])


def _to_a_queue(s: EventScenario) -> None:
    queue, bus = s.queue(), s.bus()
    bus.to(queue.arn)
    bus.put()
    s.note("message", queue.messages())


def _patterns() -> dict[str, Replay]:
    return {
        f"TestEventPattern::test_event_pattern[{name}]": partial(_pattern, name)
        for name in (
            "content_anything_prefix_ignorecase_EXC", "content_anything_prefix_list_type_EXC",
            "content_anything_suffix_list_type_EXC", "content_ip_address_type_EXC",
            "content_ip_address_v6_bad_ip_EXC", "content_numeric_syntax_EXC",
            "content_prefix_int_EXC", "content_suffix_list_EXC", "content_wildcard_list_EXC",
            "int_nolist_EXC", "operator_case_sensitive_EXC",
        )
    }  # fmt: skip


def _templates() -> dict[str, Replay]:
    name = "TestInputTransformer::test_input_transformer_nested_keys_replacement[{}]"
    user = '"users-service/users/<userId>"'
    return {
        name.format(each): partial(_nested_keys, each)
        for each in (
            '"Command is <valid>!"',
            '"Payload of <payload> with path users-service/users/<userId> and <userId>"',
            f'{{"method": "PUT", "path": {user}, "bod": <payload>}}',
            f'{{"method": "PUT", "path": {user}, "bod": [<userId>, "hardcoded"]}}',
            '{"multi_replacement": "users/<userId>/second/<userId>"}',
        )
    }


_SECRETS = "TestEventBridgeConnections::test_connection_secrets"
_CRONS = "TestScheduleCron::tests_put_rule_with_{}schedule_cron[{}]"
_NO_NAMES = "TestEventRule::test_list_rule_names_by_target_no_matches"
_BUSES = "TestEventBus::test_create_list_describe_delete_custom_event_buses"
_FORWARD = "test_event_bus_to_event_bus_cross_account_region"
_RECREATE = "test_recreate_tagged_resource_without_tags"
_NESTED = "TestInputPath::test_put_events_with_input_path_nested"
_TEXT = '"{[/Check with special starting characters for event of <detail-type> type"'

#: What is left of a scenario's name after its file's.
SCENARIOS: dict[str, Replay] = {
    f"{_SECRETS}[api-key]": partial(_connection, "API_KEY", _KEY),
    f"{_SECRETS}[basic]": partial(_connection, "BASIC", _BASIC),
    f"{_SECRETS}[oauth]": partial(_connection, "OAUTH_CLIENT_CREDENTIALS", _OAUTH),
    "TestEventBridgeConnections::test_list_connections": _list_connections,
    "TestArchive::test_create_list_describe_update_delete_archive[default]": _archive_life,
    "TestArchive::test_list_archive_with_events[True-default]": _archive_with_events,
    "TestArchive::test_list_archive_with_name_prefix[custom]": _archives_by_prefix,
    "TestArchive::test_list_archive_with_source_arn[custom]": _archives_by_source,
    "TestReplay::test_describe_replay_error_unknown_replay": _unknown_replay,
    "TestReplay::test_list_replays_with_prefix": _replays_by_prefix,
    "TestReplay::test_start_replay_error_unknown_event_bus": _replay_of_an_unknown_bus,
    "TestReplay::tests_concurrency_error_too_many_active_replays": _too_many_replays,
    f"{_BUSES}[False-regions1]": _buses,
    f"{_BUSES}[True-regions1]": partial(_buses, Description="test bus"),
    "TestEventBus::test_list_event_buses_with_limit": _buses_with_limit,
    "TestEventBus::test_list_event_buses_with_prefix": _buses_with_prefix,
    "TestEventBus::test_put_events_nonexistent_event_bus": _no_such_bus,
    "TestEventBus::test_remove_permission[custom]": _remove_permission,
    "TestEventPattern::test_put_events_pattern_with_values_in_array": _values_in_array,
    "TestEventRule::test_delete_rule_with_targets": _delete_with_targets,
    "TestEventRule::test_describe_nonexistent_rule": _no_such_rule,
    "TestEventRule::test_list_rule_names_by_target[default]": _names_by_target,
    f"{_NO_NAMES}[custom]": partial(_no_names_by_target, "custom"),
    f"{_NO_NAMES}[default]": partial(_no_names_by_target, "default"),
    "TestEventRule::test_list_rule_with_limit": _rules_with_limit,
    "TestEventRule::test_put_list_with_prefix_describe_delete_rule[custom]": _rule_life,
    "TestEventTarget::test_add_exceed_fife_targets_per_rule": _too_many_targets,
    "TestEventsCrossAccountRegion::test_put_events[custom-account]": _to_another_account,
    f"{_FORWARD}[custom-region]": partial(_from_bus_to_bus, "custom", ACCOUNT, "eu-central-1"),
    f"{_FORWARD}[default-region_account]": partial(
        _from_bus_to_bus, "default", OTHER_ACCOUNT, "eu-central-1"
    ),
    f"{_NESTED}[event_detail0]": partial(_input_path, DETAIL, "$.detail.payload"),
    f"{_NESTED}[event_detail1]": partial(
        _input_path,
        {"payload": {"acc_id": "0a787ecb-4015", "payload": {"message": "baz", "id": "123"}}},
        "$.detail.payload",
    ),
    **_templates(),
    "TestInputTransformer::test_input_transformer_predefined_variables["
    '"Message containing all pre defined variables <aws.events.rule-arn> '
    '<aws.events.rule-name> <aws.events.event.ingestion-time>"]': _predefined,
    "TestInputTransformer::test_put_events_with_input_transformer_input_template_json": partial(
        _template, '{"detailType": <detail-type>, "time": <timestamp>, "command": <command>}'
    ),
    "TestInputTransformer::test_put_events_with_input_transformer_input_template_string["
    f"{_TEXT}]": partial(_template, _TEXT),
    **_patterns(),
    "TestEventPattern::test_plain_string_payload": _plain_payload,
    "TestRuleWithPattern::test_put_events_with_rule_pattern_exists_true": _exists,
    **{
        _CRONS.format("invalid_", each): partial(_bad_cron, each)
        for each in ("cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)")
    },
    **{
        _CRONS.format("", each): partial(_cron, each)
        for each in (
            "cron(* * ? * SAT#3 *)",
            "cron(0 2 ? * SAT#3 *)",
            "cron(0/10 * ? * MON-FRI *)",
            "cron(0/5 5 ? JAN 1-5 2022)",
            "cron(0/5 8-17 ? * MON-FRI *)",
        )
    },
    "TestEventBusTags::test_create_event_bus_with_tags": _bus_with_tags,
    "TestEventBusTags::test_list_tags_for_deleted_event_bus": _tags_of_a_deleted_bus,
    "TestRuleTags::test_put_rule_with_tags": _rule_with_tags,
    f"{_RECREATE}[event_bus-event_bus_default]": _default_bus_keeps_tags,
    f"{_RECREATE}[rule-event_bus_custom]": _recreated_rule_has_no_tags,
    "tests_tag_untag_resource[rule-event_bus_custom]": partial(_tag_and_untag, "custom"),
    "tests_tag_untag_resource[rule]": partial(_tag_and_untag, "default"),
    "TestEventsTargetSns::test_put_events_with_target_sns[path]": _to_a_topic,
    "test_put_events_with_target_sqs": _to_a_queue,
}
#: Scenarios that are not replayed, and why.
LEFT_OUT = {
    "TestEventsTargetFirehose::test_put_events_with_target_firehose": "Firehose is not served.",
}
