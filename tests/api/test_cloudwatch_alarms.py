"""CloudWatch's alarms through boto3, on a clock that jumps."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emulator.model.jumping_clock import JumpingClock
from emulator.model.lifecycle_events import InvocationEnded
from emulator.services.cloudwatch.alarms.alarm import Key
from emulator.services.cloudwatch.alarms.watching import Watch
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_cloudwatch import refused
from tests.messages import taken
from tests.patience import PATIENCE_S, until


class Alarms:
    """An emulator whose clock jumps, and its CloudWatch."""

    def __init__(self, settings: Settings, clock: JumpingClock) -> None:
        self.clock = clock
        self.running = Running(settings, driver=ScriptedDriver(), clock=clock)
        self.client = self.running.client("cloudwatch")

    def jump(self, seconds: float) -> None:
        self.running.call(partial(self.clock.jump, seconds))

    def minute(self) -> int:
        """Return where the minute begins."""
        return int(self.clock.now()) // 60 * 60

    def put(self, name: str, value: float, **fields: Any) -> None:
        datum = {"MetricName": name, "Value": value, **fields}
        self.client.put_metric_data(Namespace="Shop", MetricData=[datum])

    def alarm(self, name: str, metric: str, **fields: Any) -> None:
        request = {
            "AlarmName": name,
            "Namespace": "Shop",
            "MetricName": metric,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            **fields,
        }
        self.client.put_metric_alarm(
            **{key: value for key, value in request.items() if value is not None}
        )

    def show(self, name: str) -> dict[str, Any]:
        answer = self.client.describe_alarms(
            AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        (found,) = answer["MetricAlarms"] + answer["CompositeAlarms"]
        return dict(found)

    def reaches(self, name: str, state: str) -> dict[str, Any]:
        """Wait until an alarm is in a state; return it."""

        def find() -> dict[str, Any] | None:
            found = self.show(name)
            return found if found["StateValue"] == state else None

        found: dict[str, Any] = until(find)
        return found

    def queue(self, name: str) -> tuple[str, str]:
        """Return a queue's URL and ARN."""
        sqs = self.running.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        sqs.close()
        return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def message(self, url: str) -> Any:
        sqs = self.running.client("sqs")
        message = taken(sqs, url)
        sqs.close()
        return json.loads(message["Body"])

    def stop(self) -> None:
        self.client.close()
        self.running.stop()


@pytest.fixture(scope="module")
def alarms() -> Iterator[Alarms]:
    made = Alarms(Settings(port=0), JumpingClock())
    yield made
    made.stop()


def test_an_alarm_tells_its_topic_and_the_bus_and_calms_down(alarms: Alarms) -> None:
    sns, events = alarms.running.client("sns"), alarms.running.client("events")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    topic_url, topic_queue = alarms.queue("from-topic")
    bus_url, bus_queue = alarms.queue("from-bus")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_queue)
    pattern = {"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}}
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "q", "Arn": bus_queue}])
    alarms.alarm("errors", "errors", AlarmActions=[topic], AlarmDescription="too many")
    assert alarms.show("errors")["StateReason"] == "Unchecked: Initial alarm creation"
    alarms.put("errors", 3)
    alarms.jump(62)
    found = alarms.reaches("errors", "ALARM")
    assert found["StateReason"].startswith(
        "Threshold Crossed: 1 out of the last 1 datapoints [3.0 ("
    )
    assert found["StateReason"].endswith(
        "was greater than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM "
        "transition)."
    )
    envelope = alarms.message(topic_url)
    assert envelope["Subject"] == 'ALARM: "errors" in US East (N. Virginia)'
    told = json.loads(envelope["Message"])
    assert (told["AlarmName"], told["NewStateValue"]) == ("errors", "ALARM")
    assert told["OldStateValue"] == "INSUFFICIENT_DATA"
    assert told["Trigger"]["MetricName"] == "errors"
    assert told["Trigger"]["Statistic"] == "SUM"
    event = alarms.message(bus_url)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [found["AlarmArn"]]
    assert event["detail"]["state"]["value"] == "ALARM"
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["metric"] == {
        "namespace": "Shop",
        "name": "errors",
        "dimensions": {},
    }
    alarms.put("errors", 0)
    alarms.jump(62)
    assert "was not greater than or equal" in alarms.reaches("errors", "OK")["StateReason"]
    alarms.jump(600)
    assert alarms.reaches("errors", "INSUFFICIENT_DATA")["StateReason"] == (
        "Insufficient Data: 1 datapoint was unknown."
    )
    items = until(lambda: _history(alarms, "errors", 5))
    # What an action led to may be written before the change that it belongs to.
    assert sorted(items) == [
        'Alarm "errors" created',
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Alarm updated from OK to INSUFFICIENT_DATA",
        f"Successfully executed action {topic}",
    ]
    for client in (sns, events):
        client.close()


def _history(alarms: Alarms, name: str, most: int) -> list[str] | None:
    items = alarms.client.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    return [each["HistorySummary"] for each in items] if len(items) >= most else None


def test_an_alarm_calls_a_function(alarms: Alarms) -> None:
    functions = alarms.running.client("lambda")
    arn = create(functions, "on-alarm")["FunctionArn"]
    ended: list[InvocationEnded] = []

    def listen(event: Any) -> None:
        if isinstance(event, InvocationEnded):
            ended.append(event)

    remove = alarms.running.call(lambda: alarms.running.emulator.lifecycle.add(listen))
    alarms.alarm("calls", "calls", AlarmActions=[arn])
    alarms.client.set_alarm_state(AlarmName="calls", StateValue="ALARM", StateReason="a test")
    event = json.loads(until(lambda: ended)[0].event)
    assert (event["source"], event["accountId"]) == ("aws.cloudwatch", "000000000000")
    assert event["alarmData"]["alarmName"] == "calls"
    assert event["alarmData"]["state"]["reason"] == "a test"
    assert event["alarmData"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    alarms.running.call(remove)
    functions.close()


def test_m_out_of_n_and_missing_data(alarms: Alarms) -> None:
    alarms.alarm("quiet", "never", TreatMissingData="breaching")
    assert "treated as [Breaching]" in alarms.reaches("quiet", "ALARM")["StateReason"]
    minute = alarms.minute()
    for ago, value in ((3, 5), (2, 0), (1, 5)):
        alarms.put("slow", value, Timestamp=minute - 60 * ago)
    alarms.alarm("two-of-three", "slow", EvaluationPeriods=3, DatapointsToAlarm=2)
    assert (
        "2 out of the last 3 datapoints" in alarms.reaches("two-of-three", "ALARM")["StateReason"]
    )


def test_an_alarm_of_an_expression(alarms: Alarms) -> None:
    queries = [
        {"Id": "r", "Expression": "100 * bad / every", "Label": "rate", "ReturnData": True},
        *(
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {"Namespace": "Shop", "MetricName": f"math-{name}"},
                    "Period": 60,
                    "Stat": "Sum",
                },
                "ReturnData": False,
            }
            for name in ("bad", "every")
        ),
    ]
    alarms.client.put_metric_alarm(
        AlarmName="rate",
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )
    at = alarms.minute()
    alarms.put("math-bad", 2, Timestamp=at)
    alarms.put("math-every", 10, Timestamp=at)
    alarms.jump(62)
    assert "[20.0 (" in alarms.reaches("rate", "ALARM")["StateReason"]
    assert [each["Id"] for each in alarms.show("rate")["Metrics"]] == ["r", "bad", "every"]


def test_alarms_of_ten_seconds_are_looked_at_every_ten_seconds(alarms: Alarms) -> None:
    # It stays what it has become, should this test look late.
    alarms.alarm("fast", "fast", Period=10, TreatMissingData="ignore")
    alarms.put("fast", 4, StorageResolution=1)
    alarms.jump(12)
    alarms.reaches("fast", "ALARM")


@pytest.mark.parametrize("minutes", [1, 2])
def test_few_samples_of_a_percentile_may_be_passed_over(alarms: Alarms, minutes: int) -> None:
    fields = {"Statistic": None, "ExtendedStatistic": "p99"}
    few, counted, metric = (f"{word}-{minutes}" for word in ("few", "few-counted", "times"))
    alarms.alarm(few, metric, **fields, EvaluateLowSampleCountPercentile="ignore")
    alarms.alarm(counted, metric, **fields)
    alarms.put(metric, 50)
    alarms.jump(minutes * 60 + 2)
    alarms.reaches(counted, "ALARM")
    assert alarms.show(few)["StateValue"] == "INSUFFICIENT_DATA"


def test_a_composite_alarm_follows_its_children_and_may_be_suppressed(alarms: Alarms) -> None:
    url, queue = alarms.queue("composite")
    sns = alarms.running.client("sns")
    topic = sns.create_topic(Name="composite")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    for name in ("left", "right", "deploying"):
        alarms.alarm(name, name, TreatMissingData="ignore")
    alarms.client.put_composite_alarm(
        AlarmName="both",
        AlarmRule='ALARM("left") AND ALARM("right")',
        AlarmActions=[topic],
        ActionsSuppressor="deploying",
        ActionsSuppressorWaitPeriod=1,
        ActionsSuppressorExtensionPeriod=1,
    )
    set_state = partial(alarms.client.set_alarm_state, StateReason="a test")
    set_state(AlarmName="left", StateValue="ALARM")
    alarms.reaches("both", "OK")
    set_state(AlarmName="right", StateValue="ALARM")
    found = alarms.reaches("both", "ALARM")
    assert found["StateReason"].startswith(
        "arn:aws:cloudwatch:us-east-1:000000000000:alarm:right transitioned to ALARM"
    )
    assert json.loads(alarms.message(url)["Message"])["AlarmName"] == "both"
    set_state(AlarmName="right", StateValue="OK")
    alarms.reaches("both", "OK")
    set_state(AlarmName="deploying", StateValue="ALARM")
    set_state(AlarmName="right", StateValue="ALARM")
    assert alarms.reaches("both", "ALARM")["ActionsSuppressedBy"] == "Alarm"
    described = partial(alarms.client.describe_alarms)
    children = described(ChildrenOfAlarmName="both")["MetricAlarms"]
    assert [each["AlarmName"] for each in children] == ["left", "right"]
    (parent,) = described(ParentsOfAlarmName="left")["CompositeAlarms"]
    assert parent.keys() == {"AlarmName", "AlarmArn"}
    code, text = refused(alarms.client.delete_alarms, AlarmNames=["left"])
    assert (code, "depends on it" in text) == ("ValidationError", True)
    alarms.client.delete_alarms(AlarmNames=["both", "left"])
    assert (
        described(AlarmNames=["both", "left"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        == []
    )
    sns.close()


def test_actions_can_be_turned_off_and_on(alarms: Alarms) -> None:
    alarms.alarm("muted", "muted", AlarmActions=["arn:aws:sns:us-east-1:000000000000:nowhere"])
    alarms.client.disable_alarm_actions(AlarmNames=["muted", "not-there"])
    assert alarms.show("muted")["ActionsEnabled"] is False
    alarms.client.set_alarm_state(AlarmName="muted", StateValue="ALARM", StateReason="x")
    alarms.client.enable_alarm_actions(AlarmNames=["muted"])
    assert alarms.show("muted")["ActionsEnabled"] is True
    items = alarms.client.describe_alarm_history(AlarmName="muted", HistoryItemType="Action")
    assert items["AlarmHistoryItems"] == []
    alarms.client.set_alarm_state(AlarmName="muted", StateValue="OK", StateReason="x")
    alarms.client.set_alarm_state(AlarmName="muted", StateValue="ALARM", StateReason="x")

    def failed() -> Any:
        found = alarms.client.describe_alarm_history(AlarmName="muted", HistoryItemType="Action")
        return found["AlarmHistoryItems"]

    (item,) = until(failed)
    assert item["HistorySummary"].startswith("Failed to execute action arn:aws:sns")


def test_alarms_are_found_by_metric_prefix_and_state(alarms: Alarms) -> None:
    dimensions = [{"Name": "Queue", "Value": "q"}]
    alarms.alarm("found-a", "found", Dimensions=dimensions)
    alarms.alarm("found-b", "found", Statistic="Maximum", Dimensions=dimensions)
    described = alarms.client.describe_alarms_for_metric(
        Namespace="Shop", MetricName="found", Dimensions=dimensions, Statistic="Maximum"
    )
    assert [each["AlarmName"] for each in described["MetricAlarms"]] == ["found-b"]
    pages = alarms.client.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix="found-", PaginationConfig={"PageSize": 1}
    )
    assert [each["AlarmName"] for page in pages for each in page["MetricAlarms"]] == [
        "found-a",
        "found-b",
    ]
    contributors = alarms.client.describe_alarm_contributors(AlarmName="found-a")
    assert contributors["AlarmContributors"] == []


def test_alarms_have_tags(alarms: Alarms) -> None:
    alarms.alarm("tagged", "tagged", Tags=[{"Key": "team", "Value": "a"}])
    arn = alarms.show("tagged")["AlarmArn"]
    alarms.client.tag_resource(ResourceARN=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    alarms.client.untag_resource(ResourceARN=arn, TagKeys=["team"])
    found = alarms.client.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert found == [{"Key": "stage", "Value": "prod"}]
    assert refused(alarms.client.list_tags_for_resource, ResourceARN=f"{arn}-gone")[0] == (
        "ResourceNotFoundException"
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"Statistic": None}, "Exactly one of the parameters Statistic and ExtendedStatistic"),
        ({"ExtendedStatistic": "p99"}, "Exactly one of the parameters Statistic"),
        ({"Threshold": None}, "Threshold must be specified"),
        ({"Period": 15}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"DatapointsToAlarm": 2}, "less than or equal to EvaluationPeriods"),
        ({"EvaluationPeriods": 1441}, "EvaluationPeriods * Period must be <= 86400"),
        ({"TreatMissingData": "guess"}, "The value guess is unsupported"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "anomaly detection"),
        ({"ComparisonOperator": "Equals"}, "failed to satisfy constraint"),
        ({"OKActions": ["topic"]}, "Invalid arn syntax: topic"),
    ],
)
def test_alarms_that_are_none_are_refused(
    alarms: Alarms, fields: dict[str, Any], says: str
) -> None:
    code, text = refused(alarms.alarm, name="none", metric="m", **fields)
    assert (code, says in text) == ("ValidationError", True), text


def test_alarms_and_metrics_outlive_a_restart(tmp_path: Path) -> None:
    clock = JumpingClock()
    first = Alarms(Settings(port=0, state=tmp_path), clock)
    first.alarm("kept", "kept", TreatMissingData="ignore")
    first.put("kept", 8)
    first.jump(62)
    first.reaches("kept", "ALARM")
    first.stop()
    second = Alarms(Settings(port=0, state=tmp_path), clock)
    assert second.show("kept")["StateValue"] == "ALARM"
    # Nobody has to call it for the alarm to be looked at.
    second.put("kept", 0)
    second.jump(62)
    second.reaches("kept", "OK")
    assert until(lambda: _history(second, "kept", 3)) == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        'Alarm "kept" created',
    ]
    second.stop()


def test_a_change_that_an_end_finds_half_way_is_told_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, changed = Watch._tell, threading.Event()

    async def at_the_end(watch: Watch, *args: Any, **options: Any) -> None:
        changed.set()
        while not watch._closing:  # noqa: ASYNC110 (an end tells nobody)
            await asyncio.sleep(0.01)
        await tell(watch, *args, **options)

    monkeypatch.setattr(Watch, "_tell", at_the_end)
    clock = JumpingClock()
    first = Alarms(Settings(port=0, state=tmp_path), clock)
    first.alarm("cut", "cut")
    first.put("cut", 8)
    first.jump(62)
    assert changed.wait(PATIENCE_S)
    first.stop()
    monkeypatch.undo()
    second = Alarms(Settings(port=0, state=tmp_path), clock)
    told = _history(second, "cut", 2)
    second.stop()
    assert told is not None
    assert told[-2:] == ["Alarm updated from INSUFFICIENT_DATA to ALARM", 'Alarm "cut" created']


def test_what_an_alarm_was_neither_acts_nor_comes_back(
    alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    acted: list[str] = []

    async def act(watch: Watch, key: Key, *more: Any) -> None:
        acted.append(key.name)

    monkeypatch.setattr(Watch, "_act", act)
    state = alarms.running.call(lambda: alarms.running.emulator.table.state("cloudwatch"))
    said = {"StateValue": "OK", "StateReason": "by hand"}
    for name, meanwhile in (
        ("removed", lambda name: alarms.client.delete_alarms(AlarmNames=[name])),
        ("altered", lambda name: alarms.alarm(name, "quiet", Threshold=9)),
        ("said", lambda name: alarms.client.set_alarm_state(AlarmName=name, **said)),
    ):
        key = Key("000000000000", "us-east-1", name)
        # A minute that ends meanwhile says nothing of it.
        alarms.alarm(name, "quiet", TreatMissingData="ignore")
        body = state.find(key)
        meanwhile(name)
        acted.clear()  # what was said acts
        alarms.running.call(partial(state.watch.change, key, body, "ALARM", "late", ""))
        found = state.find(key)
        assert name not in acted
        assert found is None or found["state"]["reason"] != "late"
    assert alarms.show("said")["StateReason"] == "by hand"


def test_an_alarm_tells_once_though_it_is_looked_at_again_meanwhile(
    alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    acted: list[str] = []
    gate = alarms.running.call(asyncio.Event)

    async def act(watch: Watch, key: Key, *more: Any) -> None:
        if key.name == "once":
            acted.append(key.name)
            if len(acted) == 1:
                await gate.wait()

    monkeypatch.setattr(Watch, "_act", act)
    state = alarms.running.call(lambda: alarms.running.emulator.table.state("cloudwatch"))
    alarms.put("once", 8, Timestamp=alarms.minute() - 60)
    alarms.alarm("once", "once", TreatMissingData="ignore")
    until(lambda: acted)
    alarms.running.call(lambda: state.watch.look(Key("000000000000", "us-east-1", "once")))
    alarms.running.call(gate.set)
    alarms.reaches("once", "ALARM")
    assert until(lambda: _history(alarms, "once", 2)) == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        'Alarm "once" created',
    ]
    assert acted == ["once"]


def test_a_dead_letter_queue_is_watched(alarms: Alarms) -> None:
    url, _ = alarms.queue("dead-letters")
    alarms.alarm(
        "dead",
        "ApproximateNumberOfMessagesVisible",
        Namespace="AWS/SQS",
        Statistic="Maximum",
        Dimensions=[{"Name": "QueueName", "Value": "dead-letters"}],
    )
    sqs = alarms.running.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.close()
    # As the alarm is looked at: a second after a minute is over.
    alarms.jump(61.5 - alarms.clock.now() % 60)
    alarms.reaches("dead", "ALARM")
    listed = alarms.client.list_metrics(Namespace="AWS/SQS")["Metrics"]
    assert "ApproximateNumberOfMessagesVisible" in {each["MetricName"] for each in listed}
