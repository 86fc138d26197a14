"""CloudWatch's metrics through boto3."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.patience import until

_CLOCK = JumpingClock()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=_CLOCK)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cloudwatch(running: Running) -> Iterator[Any]:
    client = running.client("cloudwatch")
    yield client
    client.close()


def minute(ago: int = 0) -> int:
    """Return where a minute begins, some minutes ago."""
    return int(_CLOCK.now()) // 60 * 60 - 60 * ago


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def put(cloudwatch: Any, name: str, *data: Any, namespace: str = "Shop", **fields: Any) -> None:
    every = [{"MetricName": name, **fields, **each} for each in data]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=every)


def of(name: str, id: str, stat: str = "Sum", period: int = 60, **fields: Any) -> dict[str, Any]:
    metric = {"Namespace": "Shop", "MetricName": name, **fields}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def data(cloudwatch: Any, *queries: Any, minutes: int = 10, **fields: Any) -> dict[str, Any]:
    """Return what GetMetricData answers for the last minutes, the earliest first."""
    request = {
        "MetricDataQueries": list(queries),
        "StartTime": minute(minutes),
        "EndTime": minute(-1),
        "ScanBy": "TimestampAscending",
        **fields,
    }
    answer: dict[str, Any] = cloudwatch.get_metric_data(**request)
    return answer


def values(answer: dict[str, Any], id: str) -> list[float]:
    (found,) = (each["Values"] for each in answer["MetricDataResults"] if each["Id"] == id)
    return list(found)


def test_values_of_a_minute_are_one_point_of_each_statistic(cloudwatch: Any) -> None:
    at = minute(2)
    put(
        cloudwatch,
        "latency",
        {"Value": 10, "Timestamp": at + 1},
        {"Values": [20, 30], "Counts": [1, 2], "Timestamp": at + 59},
        {"Value": 5, "Timestamp": at - 60},
        Unit="Milliseconds",
    )
    answer = cloudwatch.get_metric_statistics(
        Namespace="Shop",
        MetricName="latency",
        StartTime=at,
        EndTime=at + 60,
        Period=60,
        Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
        ExtendedStatistics=["p50", "p100", "tm50", "TM(25%:75%)", "PR(:20)", "TC(:20)"],
    )
    assert answer["Label"] == "latency"
    (point,) = answer["Datapoints"]
    extended = point.pop("ExtendedStatistics")
    assert point.pop("Timestamp").timestamp() == at
    assert point == {
        "Unit": "Milliseconds",
        "SampleCount": 4.0,
        "Sum": 90.0,
        "Average": 22.5,
        "Minimum": 10.0,
        "Maximum": 30.0,
    }
    assert extended == {
        "p50": 25.0,
        "p100": 30.0,
        "tm50": 15.0,
        "TM(25%:75%)": 25.0,
        "PR(:20)": 50.0,
        "TC(:20)": 2.0,
    }


def test_data_of_different_units_stays_apart_in_statistics(cloudwatch: Any) -> None:
    put(cloudwatch, "units", {"Value": 1, "Unit": "Count"}, {"Value": 2, "Unit": "Bytes"})
    request = {
        "Namespace": "Shop",
        "MetricName": "units",
        "StartTime": minute(5),
        "EndTime": minute(-1),
        "Period": 60,
        "Statistics": ["Sum"],
    }
    points = cloudwatch.get_metric_statistics(**request)["Datapoints"]
    assert sorted((each["Unit"], each["Sum"]) for each in points) == [("Bytes", 2), ("Count", 1)]
    points = cloudwatch.get_metric_statistics(**request, Unit="Bytes")["Datapoints"]
    assert [each["Sum"] for each in points] == [2.0]


def test_statistic_sets_have_no_percentiles(cloudwatch: Any) -> None:
    given = {"SampleCount": 3, "Sum": 30, "Minimum": 5, "Maximum": 15}
    put(cloudwatch, "sets", {"StatisticValues": given})
    answer = data(cloudwatch, of("sets", "a", "Average"), of("sets", "b", "p90"))
    assert values(answer, "a") == [10.0]
    assert values(answer, "b") == []


def test_data_by_the_second_is_there_by_the_second_and_by_the_minute(cloudwatch: Any) -> None:
    at = minute(1)
    put(
        cloudwatch,
        "fast",
        *({"Value": 1, "Timestamp": at + second} for second in (0, 1, 11, 12, 30)),
        StorageResolution=1,
    )
    answer = data(cloudwatch, of("fast", "s", period=10), of("fast", "m"))
    assert values(answer, "s") == [2.0, 2.0, 1.0]
    assert values(answer, "m") == [5.0]


def test_metric_math(cloudwatch: Any) -> None:
    first = minute(5)
    for number, (errors, calls) in enumerate([(1, 10), (0, 20), (5, 10)]):
        at = first + 60 * number
        put(cloudwatch, "errors", {"Value": errors, "Timestamp": at})
        put(cloudwatch, "calls", {"Value": calls, "Timestamp": at})
    put(cloudwatch, "rare", {"Value": 7, "Timestamp": first + 60})
    expressions = {
        "rate": ("100 * m1 / m2", [10.0, 0.0, 50.0]),
        "many": ("IF(rate > 5 AND m2 < 15, 1, 0)", [1.0, 0.0, 1.0]),
        "total": ("SUM([m1, m2])", [11.0, 20.0, 15.0]),
        "every": ('SUM(METRICS("m"))', [11.0, 27.0, 15.0]),
        "filled": ("FILL(m3, 0) + m1", [1.0, 7.0, 5.0]),
        "steps": ("DIFF(m2)", [10.0, -10.0]),
        "speed": ("RATE(m2)", [10 / 60, -10 / 60]),
        "length": ("m1 * 0 + PERIOD(m1)", [60.0] * 3),
        "mean": ("m2 - AVG(m2)", [10 - 40 / 3, 20 - 40 / 3, 10 - 40 / 3]),
        "power": ("-(m2 / 10) ^ 2 + MAX(m1)", [4.0, 1.0, 4.0]),
    }
    queries = [of("errors", "m1"), of("calls", "m2"), of("rare", "m3")]
    queries += [{"Id": id, "Expression": text} for id, (text, _) in expressions.items()]
    answer = data(cloudwatch, *queries)
    for id, (_, wanted) in expressions.items():
        assert values(answer, id) == pytest.approx(wanted), id


def test_search_finds_metrics_of_any_dimensions(cloudwatch: Any) -> None:
    of_queues = partial(put, cloudwatch, "depth", namespace="Searched")
    for queue in ("orders", "invoices"):
        of_queues({"Value": 3, "Dimensions": [{"Name": "Queue", "Value": queue}]})
    of_queues({"Value": 9})
    search = """SEARCH('{Searched,Queue} MetricName="depth"', 'Sum', 60)"""
    answer = data(cloudwatch, {"Id": "s", "Expression": search})
    found = [(each["Label"], each["Values"]) for each in answer["MetricDataResults"]]
    assert found == [("depth invoices", [3.0]), ("depth orders", [3.0])]
    search = """SUM(SEARCH('{Searched,Queue} orders', 'Sum', 60))"""
    assert values(data(cloudwatch, {"Id": "s", "Expression": search}), "s") == [3.0]


def test_pages_of_data_hold_every_point_once(cloudwatch: Any) -> None:
    now = minute()
    for name in ("p1", "p2"):
        put(cloudwatch, name, *({"Value": n, "Timestamp": now - 60 * n} for n in range(1, 6)))
    seen: dict[str, list[float]] = {"a": [], "b": []}
    token, pages = None, 0
    while True:
        fields = {"MaxDatapoints": 3} | ({"NextToken": token} if token else {})
        answer = data(cloudwatch, of("p1", "a"), of("p2", "b"), **fields)
        for each in answer["MetricDataResults"]:
            seen[each["Id"]] += each["Values"]
        pages, token = pages + 1, answer.get("NextToken")
        if token is None:
            break
    assert (pages, seen) == (4, {"a": [5, 4, 3, 2, 1], "b": [5, 4, 3, 2, 1]})


def test_labels_say_what_they_are_asked_to(cloudwatch: Any) -> None:
    put(
        cloudwatch,
        "labelled",
        {"Value": 4, "Dimensions": [{"Name": "Queue", "Value": "orders"}]},
    )
    query = of("labelled", "m", Dimensions=[{"Name": "Queue", "Value": "orders"}])
    query["Label"] = "${PROP('Dim.Queue')} ${LABEL} max ${MAX} of ${DATAPOINT_COUNT}"
    (found,) = data(cloudwatch, query)["MetricDataResults"]
    assert found["Label"] == "orders labelled max 4 of 1"


def test_metrics_are_listed_by_what_they_have(cloudwatch: Any) -> None:
    dimensions = [{"Name": "Function", "Value": "f"}, {"Name": "Stage", "Value": "prod"}]
    put(cloudwatch, "listed", {"Value": 1, "Dimensions": dimensions}, namespace="Listed")
    put(cloudwatch, "listed", {"Value": 1, "Timestamp": minute(400)}, namespace="Listed")
    found = cloudwatch.list_metrics(Namespace="Listed")["Metrics"]
    assert [each["Dimensions"] for each in found] == [dimensions, []]
    found = cloudwatch.list_metrics(Namespace="Listed", RecentlyActive="PT3H")["Metrics"]
    assert [each["Dimensions"] for each in found] == [dimensions]
    found = cloudwatch.list_metrics(Dimensions=[{"Name": "Stage"}], Namespace="Listed")["Metrics"]
    assert len(found) == 1
    found = cloudwatch.list_metrics(Dimensions=[{"Name": "Stage", "Value": "dev"}])["Metrics"]
    assert found == []


def test_metrics_are_listed_in_pages(cloudwatch: Any) -> None:
    for start in (0, 400):
        every = [{"MetricName": f"m{start + n}", "Value": 1} for n in range(400)]
        cloudwatch.put_metric_data(Namespace="Paged", MetricData=every)
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace="Paged"))
    assert [len(each["Metrics"]) for each in pages] == [500, 300]
    code, _ = refused(cloudwatch.list_metrics, NextToken="made up")
    assert code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({"MetricName": "m"}, "MissingParameter"),
        ({"MetricName": "m", "Value": float("nan")}, "InvalidParameterValue"),
        ({"MetricName": "m", "Value": 2.0**361}, "InvalidParameterValue"),
        ({"MetricName": "m", "Value": 1, "Values": [1]}, "InvalidParameterCombination"),
        ({"MetricName": "m", "Values": [1, 2], "Counts": [1]}, "InvalidParameterValue"),
        ({"MetricName": "m", "Values": [1.0] * 151}, "InvalidParameterValue"),
        ({"MetricName": "m", "Value": 1, "StorageResolution": 5}, "InvalidParameterValue"),
        ({"MetricName": "m", "Value": 1, "Timestamp": 1000}, "InvalidParameterValue"),
        ({"MetricName": "m", "Value": 1, "Unit": "Parsec"}, "ValidationError"),
        (
            {"MetricName": "m", "Value": 1, "Dimensions": [{"Name": "a", "Value": "b"}] * 31},
            "ValidationError",
        ),
        (
            {"MetricName": "m", "Value": 1, "Dimensions": [{"Name": " ", "Value": "b"}]},
            "InvalidParameterValue",
        ),
        (
            {
                "MetricName": "m",
                "StatisticValues": {"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1},
            },
            "InvalidParameterValue",
        ),
    ],
)
def test_data_that_is_none_is_refused(cloudwatch: Any, datum: dict[str, Any], code: str) -> None:
    request = {"Namespace": "Refused", "MetricData": [{"MetricName": "ok", "Value": 1}, datum]}
    found, text = refused(cloudwatch.put_metric_data, **request)
    assert (found, bool(text)) == (code, True)
    # All of a request, or nothing.
    assert cloudwatch.list_metrics(Namespace="Refused")["Metrics"] == []


def test_names_of_aws_are_aws_own(cloudwatch: Any) -> None:
    found = refused(
        cloudwatch.put_metric_data,
        Namespace="AWS/Lambda",
        MetricData=[{"MetricName": "Errors", "Value": 1}],
    )
    assert found[0] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("m1 +", "ends too early"),
        ("m9 * 2", "Undefined variable m9"),
        ("e", "Circular dependency"),
        ("NOPE(m1)", "no function NOPE"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "does not serve"),
        ("SELECT AVG(x) FROM y", "Metrics Insights"),
        ("SUM(m1)", "is a number"),
        ("(" * 100 + "m1" + ")" * 100, "nested too deeply"),
    ],
)
def test_expressions_that_are_none_are_refused(cloudwatch: Any, expression: str, says: str) -> None:
    code, text = refused(
        cloudwatch.get_metric_data,
        MetricDataQueries=[of("calls", "m1"), {"Id": "e", "Expression": expression}],
        StartTime=minute(10),
        EndTime=minute(),
    )
    assert code == "ValidationError"
    assert says in text


def test_requests_for_too_much_are_refused(cloudwatch: Any) -> None:
    now = minute()
    code, text = refused(
        cloudwatch.get_metric_statistics,
        Namespace="Shop",
        MetricName="m",
        StartTime=now - 2880 * 60,
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )
    assert code == "InvalidParameterCombination"
    assert "requested up to 2,880 datapoints, which exceeds the limit of 1,440" in text
    assert (
        refused(
            cloudwatch.get_metric_data,
            MetricDataQueries=[of("m", "m1", period=45)],
            StartTime=minute(10),
            EndTime=minute(),
        )[0]
        == "ValidationError"
    )


def test_accounts_and_regions_have_metrics_of_their_own(running: Running, cloudwatch: Any) -> None:
    put(cloudwatch, "own", {"Value": 1}, namespace="Own")
    for fields in ({"account": "111111111111"}, {"region": "eu-west-1"}):
        other = running.client("cloudwatch", **fields)
        assert other.list_metrics(Namespace="Own")["Metrics"] == []
        other.close()


def test_dashboards_are_kept(cloudwatch: Any) -> None:
    body = '{"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]}'
    cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=body)
    found = cloudwatch.get_dashboard(DashboardName="shop")
    assert found["DashboardBody"] == body
    assert found["DashboardArn"] == "arn:aws:cloudwatch::000000000000:dashboard/shop"
    (entry,) = cloudwatch.list_dashboards(DashboardNamePrefix="sh")["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"]) == ("shop", len(body))
    code, text = refused(cloudwatch.put_dashboard, DashboardName="shop", DashboardBody="[")
    assert (code, text) == (
        "InvalidParameterInput",
        "The field DashboardBody must be a valid JSON object",
    )
    cloudwatch.delete_dashboards(DashboardNames=["shop"])
    assert refused(cloudwatch.get_dashboard, DashboardName="shop") == (
        "ResourceNotFound",
        "Dashboard shop does not exist",
    )


@pytest.fixture(scope="module")
def functions(running: Running) -> Iterator[Any]:
    client = running.client("lambda")
    yield client
    client.close()


def of_function(name: str, id: str, stat: str, **dimensions: str) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}


def test_functions_have_the_metrics_of_aws_without_anybody_having_asked(
    running: Running, cloudwatch: Any, functions: Any
) -> None:
    create(functions, "measured")
    for _ in range(300):
        functions.invoke(FunctionName="measured", Payload=b"{}")["Payload"].read()
    create(functions, "refused")
    functions.put_function_concurrency(FunctionName="refused", ReservedConcurrentExecutions=0)
    assert refused(functions.invoke, FunctionName="refused")[0] == "TooManyRequestsException"
    named = {"FunctionName": "measured"}
    answer = data(
        cloudwatch,
        of_function("Invocations", "calls", "Sum", **named),
        of_function("Errors", "errors", "Sum", **named),
        of_function("Errors", "samples", "SampleCount", **named),
        of_function("Throttles", "throttles", "Sum", FunctionName="refused", Resource="refused"),
        of_function("Duration", "p50", "p50", **named),
        of_function("Duration", "most", "Maximum", **named),
        of_function("ConcurrentExecutions", "running", "Maximum", **named),
        of_function("UnreservedConcurrentExecutions", "shared", "Maximum"),
    )
    found = {each["Id"]: each["Values"] for each in answer["MetricDataResults"]}
    assert sum(found["calls"]) == sum(found["samples"]) == 300
    assert sum(found["errors"]) == 0
    assert sum(found["throttles"]) == 1
    assert 0 < max(found["p50"]) <= max(found["most"])
    assert set(found["running"]) == {1.0}
    assert set(found["shared"]) == {1.0}
    listed = cloudwatch.list_metrics(Namespace="AWS/Lambda", MetricName="Duration")["Metrics"]
    values_of = [[member["Value"] for member in each["Dimensions"]] for each in listed]
    assert sorted(each for each in values_of if {*each} <= {"measured"}) == [
        [],
        ["measured"],
        ["measured", "measured"],
    ]


def test_events_of_functions_are_measured(cloudwatch: Any, functions: Any) -> None:
    create(functions, "later")
    functions.invoke(FunctionName="later", InvocationType="Event", Payload=b"{}")["Payload"].read()

    def found() -> list[float]:
        queries = [
            of_function(name, id, "SampleCount", FunctionName="later")
            for id, name in (("a", "AsyncEventsReceived"), ("b", "AsyncEventAge"))
        ]
        answer = data(cloudwatch, *queries)
        return [sum(each["Values"]) for each in answer["MetricDataResults"]]

    until(found, lambda found: found == [1.0, 1.0])


def test_topics_rules_and_workflows_are_measured(running: Running, cloudwatch: Any) -> None:
    sns, events, states, sqs = (
        running.client(name) for name in ("sns", "events", "stepfunctions", "sqs")
    )
    sqs.create_queue(QueueName="measured")
    queue = "arn:aws:sqs:us-east-1:000000000000:measured"
    topic = sns.create_topic(Name="measured")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="hello")
    events.put_rule(Name="measured", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="measured", Targets=[{"Id": "q", "Arn": queue}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": "{}"}])
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(
        name="measured",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/states",
    )["stateMachineArn"]
    states.start_execution(stateMachineArn=machine)
    wanted = [
        ("AWS/SNS", "NumberOfMessagesPublished", "TopicName", "measured"),
        ("AWS/SNS", "NumberOfNotificationsDelivered", "TopicName", "measured"),
        ("AWS/Events", "Invocations", "RuleName", "measured"),
        ("AWS/States", "ExecutionsStarted", "StateMachineArn", machine),
        ("AWS/States", "ExecutionsSucceeded", "StateMachineArn", machine),
    ]

    def counts() -> list[float]:
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": name,
                        "Dimensions": [{"Name": dimension, "Value": value}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for number, (namespace, name, dimension, value) in enumerate(wanted)
        ]
        answer = data(cloudwatch, *queries)
        return [sum(each["Values"]) for each in answer["MetricDataResults"]]

    until(counts, lambda found: found == [1.0] * len(wanted))
    for client in (sns, events, states, sqs):
        client.close()


def _ask(running: Running, headers: dict[str, str], body: bytes, path: str = "/") -> Any:
    credential = "Credential=000000000000/20260101/us-east-1/monitoring/aws4_request"
    request = urllib.request.Request(
        f"{running.url}{path}",
        body,
        {
            "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
            **headers,
        },
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_it_is_asked_in_three_protocols(running: Running) -> None:
    form = {
        "Action": "PutMetricData",
        "Version": "2010-08-01",
        "Namespace": "Protocols",
        "MetricData.member.1.MetricName": "m",
        "MetricData.member.1.Value": "2.5",
        "MetricData.member.1.Dimensions.member.1.Name": "a",
        "MetricData.member.1.Dimensions.member.1.Value": "b",
    }
    of_form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = _ask(running, of_form, urllib.parse.urlencode(form).encode())
    assert (status, b"<PutMetricDataResponse" in body) == (200, True)
    of_json = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics",
    }
    status, _, body = _ask(running, of_json, b'{"Namespace": "Protocols"}')
    wanted = {
        "Namespace": "Protocols",
        "MetricName": "m",
        "Dimensions": [{"Name": "a", "Value": "b"}],
    }
    assert (status, json.loads(body)["Metrics"]) == (200, [wanted])
    of_cbor = {
        "Content-Type": "application/cbor",
        "Accept": "application/cbor",
        "Smithy-Protocol": "rpc-v2-cbor",
    }
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    status, headers, body = _ask(running, of_cbor, b"\xa1iNamespaceiProtocols", path)
    found = {name.lower(): value for name, value in headers.items()}
    assert (status, found["smithy-protocol"]) == (200, "rpc-v2-cbor")
    assert b"jMetricNameam" in body
    del form["MetricData.member.1.Value"]
    status, _, body = _ask(running, of_form, urllib.parse.urlencode(form).encode())
    assert (status, b"<Code>MissingParameter</Code>" in body) == (400, True)
    of_json["X-Amz-Target"] = "GraniteServiceVersion20100801.PutMetricData"
    datum = {"Namespace": "Protocols", "MetricData": [{"MetricName": "m"}]}
    status, headers, body = _ask(running, of_json, json.dumps(datum).encode())
    assert status == 400
    assert json.loads(body)["__type"].endswith("MissingRequiredParameterException")
    found = {name.lower(): value for name, value in headers.items()}
    assert found["x-amzn-query-error"] == "MissingParameter;Sender"
