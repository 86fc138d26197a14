"""X-Ray through boto3, and traces of functions with AWS's own SDK."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.sandbox import Exit
from emulator.settings import Settings
from emulator.telemetry.traces.header import new_id, read
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.patience import until

_ADDRESS: list[str] = []


@pytest.fixture(scope="module")
def sdk() -> Any:
    """Return AWS's SDK, whose import takes long: those who run other tests need not wait."""
    import aws_xray_sdk.core.models.facade_segment
    import aws_xray_sdk.core.models.trace_header
    import aws_xray_sdk.core.sampling.connector

    # When it is imported, it opens the socket of a recorder of its own, which nobody closes.
    aws_xray_sdk.core.xray_recorder.emitter._socket.close()
    return aws_xray_sdk.core


async def _tells(runtime: RuntimeClient) -> Exit | None:
    """A runtime that answers with its trace header; at ``"fail"``, it fails."""
    while True:
        _, headers, payload = await runtime.call("GET", "invocation/next")
        id = headers["lambda-runtime-aws-request-id"]
        _ADDRESS.append(runtime.environ["AWS_XRAY_DAEMON_ADDRESS"])
        if payload == b'"fail"':
            error = b'{"errorType": "Bad", "errorMessage": "no"}'
            named = {"Lambda-Runtime-Function-Error-Type": "Bad"}
            await runtime.call("POST", f"invocation/{id}/error", error, named)
        else:
            await runtime.respond(id, json.dumps(headers["lambda-runtime-trace-id"]).encode())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver(_tells))
    client = running.client("lambda")
    create(client, "traced", TracingConfig={"Mode": "Active"})
    create(client, "plain")
    client.close()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def xray(running: Running) -> Iterator[Any]:
    client = running.client("xray")
    yield client
    client.close()


def refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def invoke(running: Running, name: str = "traced", payload: str = "{}", header: str = "") -> str:
    """Invoke a function; returns the trace header it was told, or its error."""
    client = running.client("lambda")
    if header:
        client.meta.events.register(
            "before-call", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": header})
        )
    answer = client.invoke(FunctionName=name, Payload=payload)
    told = json.loads(answer["Payload"].read())
    client.close()
    return told if isinstance(told, str) else str(told["errorType"])


def documents(xray: Any, trace_id: str) -> dict[str, dict[str, Any]]:
    """Return the segments of a trace by their origin."""
    (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    found = [json.loads(each["Document"]) for each in trace["Segments"]]
    return {each.get("origin", each["name"]): each for each in found}


def segment(**fields: Any) -> dict[str, Any]:
    now = time.time()
    trace_id = f"1-{int(now):08x}-{random.getrandbits(96):024x}"
    made = {"id": new_id(), "name": "shop", "trace_id": trace_id, "start_time": now}
    return {**made, "end_time": now + 0.25, **fields}


def put(xray: Any, *sent: dict[str, Any]) -> list[dict[str, Any]]:
    texts = [json.dumps(each) for each in sent]
    answer = xray.put_trace_segments(TraceSegmentDocuments=texts)
    return list(answer["UnprocessedTraceSegments"])


def summaries(xray: Any, expression: str = "", **fields: Any) -> list[dict[str, Any]]:
    now = time.time()
    if expression:
        fields["FilterExpression"] = expression
    pages = xray.get_paginator("get_trace_summaries")
    asked = pages.paginate(StartTime=now - 3600, EndTime=now + 60, **fields)
    return list(asked.search("TraceSummaries"))


# --- functions -----------------------------------------------------------------------------------


def test_a_traced_function_has_the_segments_of_lambda(running: Running, xray: Any) -> None:
    client = running.client("lambda")
    create(client, "not-called-before", TracingConfig={"Mode": "Active"})
    client.close()
    header = read(invoke(running, "not-called-before"))
    assert header.sampled is True
    found = until(lambda: "AWS::Lambda" in (seen := documents(xray, header.root)) and seen)
    service, function = found["AWS::Lambda"], found["AWS::Lambda::Function"]
    assert function["parent_id"] == service["id"]
    phases = {each["name"]: each for each in function["subsegments"]}
    assert {"Initialization", "Invocation"} <= phases.keys() <= {*phases, "Overhead"}
    assert phases["Invocation"]["id"] == header.parent
    assert phases["Initialization"]["end_time"] <= phases["Invocation"]["start_time"]
    assert service["http"]["response"]["status"] == 200
    assert service["aws"]["request_id"] == function["aws"]["request_id"]
    # The next call is warm.
    warm_header = read(invoke(running, "not-called-before"))
    warm = documents(xray, warm_header.root)["AWS::Lambda::Function"]
    assert "Initialization" not in [each["name"] for each in warm["subsegments"]]


def test_the_caller_decides_what_is_traced(running: Running, xray: Any) -> None:
    assert read(invoke(running, "plain")).sampled is False
    root = segment()["trace_id"]
    caller = new_id()
    header = read(invoke(running, "plain", header=f"Root={root};Parent={caller};Sampled=1"))
    assert (header.root, header.sampled) == (root, True)
    assert documents(xray, root)["AWS::Lambda"]["parent_id"] == caller
    other = segment()["trace_id"]
    header = read(invoke(running, header=f"Root={other};Parent={caller};Sampled=0"))
    assert (header.root, header.sampled, header.parent) == (other, False, caller)
    assert xray.batch_get_traces(TraceIds=[other])["UnprocessedTraceIds"] == [other]


def test_a_failure_is_a_fault_with_its_cause(running: Running, xray: Any) -> None:
    root = segment()["trace_id"]
    assert invoke(running, payload='"fail"', header=f"Root={root}") == "Bad"
    function = documents(xray, root)["AWS::Lambda::Function"]
    assert function["fault"] is True
    (summary,) = [each for each in summaries(xray, "fault = true") if each["Id"] == root]
    assert summary["HasFault"] is True
    entities = summary["FaultRootCauses"][0]["Services"][-1]["EntityPath"]
    assert entities[-1]["Name"] == "Invocation"


def test_throttled_calls_are_traced(running: Running, xray: Any) -> None:
    client = running.client("lambda")
    create(client, "narrow", TracingConfig={"Mode": "Active"})
    client.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=0)
    assert refused(client.invoke, FunctionName="narrow") == "TooManyRequestsException"
    client.close()
    (found,) = summaries(xray, 'service("narrow") { throttle }')
    assert found["HasThrottle"] is True
    assert documents(xray, found["Id"]).keys() == {"AWS::Lambda"}


def test_segments_of_the_sdk_hang_below_the_invocation(
    running: Running, xray: Any, sdk: Any
) -> None:
    header = read(invoke(running))
    recorder = sdk.AWSXRayRecorder()
    recorder.configure(daemon_address=_ADDRESS[-1], sampling=False, context_missing="RAISE_ERROR")
    # What the SDK makes of the header in a function.
    facade = sdk.models.facade_segment.FacadeSegment(
        "facade", entityid=header.parent, traceid=header.root, sampled=True
    )
    recorder.context.put_segment(facade)
    part = recorder.begin_subsegment("work")
    part.put_annotation("order", "A-1")
    recorder.emitter.send_entity(part)  # in progress
    recorder.end_subsegment()
    recorder.emitter._socket.close()

    def work() -> Any:
        phases = documents(xray, header.root)["AWS::Lambda::Function"]["subsegments"]
        (invocation,) = [each for each in phases if each["name"] == "Invocation"]
        return invocation.get("subsegments")

    (found,) = until(work)
    assert (found["name"], found["annotations"]) == ("work", {"order": "A-1"})
    assert [each["Id"] for each in summaries(xray, 'annotation[order] = "A-1"')] == [header.root]


def test_the_daemons_port_gives_sampling_rules_without_a_signature(
    running: Running, sdk: Any
) -> None:
    invoke(running)
    connector = sdk.sampling.connector.ServiceConnector()
    host, _, port = _ADDRESS[-1].rpartition(":")
    connector.setup_xray_client(ip=host, port=port, client=None)
    (rule,) = [each for each in connector.fetch_sampling_rules() if each.name == "Default"]
    assert (rule.rate, rule.reservoir._quota) == (0.05, None)
    targets, _ = connector.fetch_sampling_target([rule])
    assert targets["Default"]["quota"] == 1
    connector._xray_client.close()


def test_the_port_survives_anything(running: Running, xray: Any) -> None:
    invoke(running)
    host, _, port = _ADDRESS[-1].rpartition(":")
    seed = random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    good = segment(name="after-all")
    head = b'{"format": "json", "version": 1}\n'
    whole = head + json.dumps(good).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(300):
            broken = bytearray(whole)
            for _ in range(draw.randint(1, 12)):
                broken[draw.randrange(len(broken))] = draw.randrange(256)
            sender.sendto(bytes(broken[: draw.randrange(len(broken) + 1)]), (host, int(port)))
        for odd in (b"", b"\n", head, head + b"[]", head + b'{"id": 1}', b"[" * 60000, b"{}\n{}"):
            sender.sendto(odd, (host, int(port)))

        def has_come() -> bool:
            # The kernel drops what a busy machine has no room for.
            sender.sendto(whole, (host, int(port)))
            return bool(xray.batch_get_traces(TraceIds=[good["trace_id"]])["Traces"])

        until(has_come)
    assert summaries(xray, 'service("after-all")')


# --- documents -----------------------------------------------------------------------------------


def test_what_is_wrong_with_documents_is_told_of_each(xray: Any) -> None:
    good = segment()
    trace_id = good["trace_id"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"trace_id": "1-2-3"}, "InvalidTraceId"),
        ({"id": "xyz"}, "InvalidId"),
        ({"name": "<"}, "InvalidName"),
        ({"start_time": "now"}, "InvalidStartTime"),
        ({"end_time": None}, "InvalidEndTime"),
        ({"type": "subsegment"}, "MissingParentId"),
        ({"http": []}, "ParseError"),
    ]
    for change, code in wrong:
        (told,) = put(xray, {**good, **change})
        assert (told["ErrorCode"], told["Message"]) == (
            code,
            f"Invalid segment. ErrorCode: {code}",
        )
    answer = xray.put_trace_segments(TraceSegmentDocuments=["{", json.dumps(good)])
    assert [each["ErrorCode"] for each in answer["UnprocessedTraceSegments"]] == ["ParseError"]
    assert xray.batch_get_traces(TraceIds=[trace_id])["UnprocessedTraceIds"] == []
    assert xray.put_telemetry_records(
        TelemetryRecords=[{"Timestamp": time.time()}]
    )["ResponseMetadata"]["HTTPStatusCode"] == 200  # fmt: skip


def test_traces_are_summed_up(xray: Any) -> None:
    root = segment(
        name="gate",
        origin="AWS::EC2::Instance",
        user="ann",
        annotations={"tier": "gold", "size": 3, "new": True},
        http={
            "request": {"url": "https://a/b", "method": "GET", "client_ip": "1.2.3.4"},
            "response": {"status": 503},
        },
        fault=True,
    )
    called = segment(
        name="store",
        trace_id=root["trace_id"],
        parent_id=root["id"],
        start_time=root["start_time"] + 0.05,
        end_time=root["start_time"] + 2.0,
        error=True,
    )
    assert put(xray, root, called) == []
    expression = 'service("gate") { fault } AND annotation.tier = "gold"'
    (found,) = summaries(xray, expression)
    assert (found["Duration"], found["ResponseTime"]) == (2.0, 0.25)
    assert (found["HasFault"], found["HasError"], found["HasThrottle"]) == (True, True, False)
    assert found["Http"] == {
        "HttpURL": "https://a/b",
        "HttpStatus": 503,
        "HttpMethod": "GET",
        "ClientIp": "1.2.3.4",
    }
    assert found["Annotations"]["size"][0]["AnnotationValue"] == {"NumberValue": 3.0}
    assert found["Annotations"]["new"][0]["AnnotationValue"] == {"BooleanValue": True}
    assert found["Users"][0]["UserName"] == "ann"
    assert found["EntryPoint"]["Name"] == "gate"
    assert [each["Name"] for each in found["ServiceIds"]] == ["gate", "store"]
    for more, holds in (
        ("http.status = 503", True),
        ('http.url CONTAINS "a/b" AND http.method = "GET"', True),
        ("duration >= 2 AND responsetime < 0.3", True),
        ('user = "bob" OR user = "ann"', True),
        ('!(user = "ann")', False),
        ('edge("gate", "store") { error }', True),
        ('edge("store", "gate")', False),
        ('service(id(name: "gate", type: "AWS::EC2::Instance"))', True),
        ("annotation[size] > 3", False),
        ("annotation[new] = true AND NOT ok", True),
        ('annotation[tier] != "gold"', False),
        ("partial", False),
    ):
        listed = [each["Id"] for each in summaries(xray, f"{expression} AND ({more})")]
        assert listed == ([root["trace_id"]] if holds else []), more
    for wrong in (
        "fault AND",
        "nonsense = 1",
        'service("a"',
        "((((",
        "annotation[",
        "http.status >",
    ):
        asked = {"StartTime": 0, "EndTime": 1, "FilterExpression": wrong}
        assert refused(xray.get_trace_summaries, **asked) == "InvalidRequestException"
    assert (
        refused(xray.get_trace_summaries, StartTime=0, EndTime=90000) == "InvalidRequestException"
    )
    asked = {"StartTime": 0, "EndTime": 1, "NextToken": "made up"}
    assert refused(xray.get_trace_summaries, **asked) == "InvalidRequestException"


def test_filter_expressions_of_the_documentation(xray: Any) -> None:
    name = f"filtered-{new_id()}"
    machine = {"ec2": {"instance_id": "i-1", "availability_zone": "us-east-1b"}}
    http = {"request": {"url": "http://api/v2/x"}, "response": {"status": 200}}
    mine = segment(name=name, aws=machine, http=http, annotations={"a.b": "c d"})
    assert put(xray, mine, segment(name=name, fault=True)) == []
    xray.create_group(GroupName="filtered", FilterExpression=f'service("{name}") {{ ok }}')
    for expression, found in (
        ("ok !partial duration <3", 1),
        ("(ok) (duration < 3) instance.id", 1),
        ('instance.id = "i-1" availabilityzone = "us-east-1b"', 1),
        ('availabilityzone = "us-east-1c"', 0),
        ('http.url BEGINSWITH "http://api/" AND http.url CONTAINS "/v2/"', 1),
        ('annotation[a.b] = "c d"', 1),
        ('group.name = "filtered"', 1),
        ('!group.name = "filtered"', 1),
        ("fault", 1),
        ('service("other")', 0),
    ):
        got = summaries(xray, f'service("{name}") {expression}')
        assert len(got) == found, expression
    (shown,) = summaries(xray, 'group.name = "filtered"')
    assert shown["InstanceIds"] == [{"Id": "i-1"}]
    assert shown["AvailabilityZones"] == [{"Name": "us-east-1b"}]
    now = time.time()
    for wrong in (
        "ok OR", "ok AND", "AND ok", '"a"', "ok 5", "ok = 5", 'group.name = "none"',
        "group.name", "group.name = filtered", 'edge("a"', "ok)", "NOT", "nope = 1",
    ):  # fmt: skip
        code = refused(
            xray.get_trace_summaries, StartTime=now - 60, EndTime=now, FilterExpression=wrong
        )
        assert code == "InvalidRequestException", wrong
    code = refused(xray.create_group, GroupName="g", FilterExpression='group.name = "filtered"')
    assert code == "InvalidRequestException"
    xray.delete_group(GroupName="filtered")


def test_what_comes_twice_and_what_is_too_large(xray: Any) -> None:
    begun = segment(name="twice", in_progress=True)
    del begun["end_time"]
    ended = {**begun, "in_progress": False, "end_time": begun["start_time"] + 1}
    assert put(xray, begun, ended, ended, begun) == []
    (trace,) = xray.batch_get_traces(TraceIds=[begun["trace_id"]])["Traces"]
    (kept,) = trace["Segments"]
    assert json.loads(kept["Document"])["end_time"] == ended["end_time"]
    for large in ("x" * 65_536, "ä" * 33_000):
        text = json.dumps(segment(metadata={"m": large}), ensure_ascii=False)
        (told,) = xray.put_trace_segments(TraceSegmentDocuments=[text])["UnprocessedTraceSegments"]
        assert told["ErrorCode"] == "SegmentTooLarge"
    assert put(xray, segment(metadata={"m": "x" * 65_000})) == []


def test_graphs_have_who_called_whom(xray: Any) -> None:
    root = segment(
        name="front",
        subsegments=[
            {
                "id": new_id(),
                "name": "DynamoDB",
                "namespace": "aws",
                "start_time": time.time(),
                "end_time": time.time() + 0.1,
            }
        ],
    )
    back = segment(
        name="back",
        trace_id=root["trace_id"],
        parent_id=root["id"],
    )
    put(xray, root, back)
    services = xray.get_trace_graph(TraceIds=[root["trace_id"]])["Services"]
    by_number = {each["ReferenceId"]: each for each in services}
    named = {(each["Name"], each.get("Type", "")): each for each in services}
    assert named.keys() == {
        ("front", "client"),
        ("front", ""),
        ("back", ""),
        ("DynamoDB", "AWS::DynamoDB::Table"),
    }
    front = named["front", ""]
    called = {by_number[each["ReferenceId"]]["Name"] for each in front["Edges"]}
    assert called == {"back", "DynamoDB"}
    assert front["SummaryStatistics"]["OkCount"] == 1
    now = time.time()
    span = {"StartTime": now - 600, "EndTime": now + 60}
    graph = xray.get_service_graph(**span)
    assert {"front", "back"} <= {each["Name"] for each in graph["Services"]}
    answer = xray.get_time_series_service_statistics(
        **span, EntitySelectorExpression='service("front")', Period=60
    )
    counts = [
        each["ServiceSummaryStatistics"]["TotalCount"]
        for each in answer["TimeSeriesServiceStatistics"]
    ]
    assert counts == [1]


def test_what_goes_in_circles_is_shown_all_the_same(xray: Any) -> None:
    a, b = segment(name="a"), segment(name="b")
    a["parent_id"], b["parent_id"], b["trace_id"] = b["id"], a["id"], a["trace_id"]
    own = segment(name="c", trace_id=a["trace_id"], type="subsegment")
    own["parent_id"] = own["id"]
    put(xray, a, b, own)
    (trace,) = xray.batch_get_traces(TraceIds=[a["trace_id"]])["Traces"]
    assert len(trace["Segments"]) == 3
    assert xray.get_trace_graph(TraceIds=[a["trace_id"]])["Services"]


def test_accounts_do_not_see_one_anothers_traces(running: Running, xray: Any) -> None:
    sent = segment()
    put(xray, sent)
    other = running.client("xray", account="111111111111")
    assert other.batch_get_traces(TraceIds=[sent["trace_id"]])["Traces"] == []
    other.close()


# --- what an account sets ------------------------------------------------------------------------


def test_sampling_rules(xray: Any) -> None:
    wanted = {
        "RuleName": "shop", "ResourceARN": "*", "Priority": 10, "FixedRate": 0.5,
        "ReservoirSize": 3, "ServiceName": "*", "ServiceType": "*", "Host": "*",
        "HTTPMethod": "*", "URLPath": "/buy/*", "Version": 1,
    }  # fmt: skip
    made = xray.create_sampling_rule(SamplingRule=wanted)["SamplingRuleRecord"]["SamplingRule"]
    arn = "arn:aws:xray:us-east-1:000000000000:sampling-rule/shop"
    assert made == {**wanted, "RuleARN": arn, "Attributes": {}}
    assert refused(xray.create_sampling_rule, SamplingRule=wanted) == "InvalidRequestException"
    change = {"RuleName": "shop", "FixedRate": 1.0}
    changed = xray.update_sampling_rule(SamplingRuleUpdate=change)["SamplingRuleRecord"]
    assert changed["SamplingRule"]["FixedRate"] == 1.0
    names = [
        each["SamplingRule"]["RuleName"]
        for each in xray.get_sampling_rules()["SamplingRuleRecords"]
    ]
    assert names == ["shop", "Default"]
    statistics = {"ClientID": "a" * 24, "Timestamp": 1, "RequestCount": 1, "SampledCount": 1}
    told = xray.get_sampling_targets(
        SamplingStatisticsDocuments=[
            {"RuleName": "shop", **statistics},
            {"RuleName": "gone", **statistics},
        ]
    )
    assert told["SamplingTargetDocuments"][0]["ReservoirQuota"] == 3
    assert [each["RuleName"] for each in told["UnprocessedStatistics"]] == ["gone"]
    assert xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"] == []
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    xray.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    gone = arn.replace("shop", "gone")
    assert refused(xray.list_tags_for_resource, ResourceARN=gone) == "ResourceNotFoundException"
    xray.delete_sampling_rule(RuleARN=arn)
    assert refused(xray.delete_sampling_rule, RuleName="shop") == "InvalidRequestException"
    assert refused(xray.delete_sampling_rule, RuleName="Default") == "InvalidRequestException"


def test_groups(xray: Any) -> None:
    put(xray, segment(name="grouped", fault=True), segment(name="grouped-not"))
    made = xray.create_group(GroupName="failing", FilterExpression='service("grouped") { fault }')
    arn = made["Group"]["GroupARN"]
    now = time.time()
    services = xray.get_service_graph(
        StartTime=now - 600, EndTime=now + 60, GroupName="failing"
    )["Services"]  # fmt: skip
    assert {each["Name"] for each in services} == {"grouped"}
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default", "failing"]
    xray.update_group(GroupARN=arn, FilterExpression="ok")
    assert xray.get_group(GroupName="failing")["Group"]["FilterExpression"] == "ok"
    assert refused(xray.create_group, GroupName="failing") == "InvalidRequestException"
    wrong = {"GroupName": "x", "FilterExpression": "nonsense ="}
    assert refused(xray.create_group, **wrong) == "InvalidRequestException"
    xray.delete_group(GroupName="failing")
    assert refused(xray.get_group, GroupName="failing") == "InvalidRequestException"


def test_settings_of_an_account(xray: Any) -> None:
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Status": "ACTIVE", "Type": "NONE"}
    xray.put_encryption_config(Type="KMS", KeyId="alias/a")
    assert xray.get_encryption_config()["EncryptionConfig"]["KeyId"] == "alias/a"
    assert refused(xray.put_encryption_config, Type="KMS") == "InvalidRequestException"
    xray.put_encryption_config(Type="NONE")
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
    policy = xray.put_resource_policy(PolicyName="p", PolicyDocument="{}")["ResourcePolicy"]
    assert policy["PolicyRevisionId"] == "1"
    listed = xray.list_resource_policies()["ResourcePolicies"]
    assert [each["PolicyName"] for each in listed] == ["p"]
    wrong = {"PolicyName": "p", "PolicyDocument": "{"}
    assert refused(xray.put_resource_policy, **wrong) == "MalformedPolicyDocumentException"
    xray.delete_resource_policy(PolicyName="p")
    assert "Transaction Search" in _message(xray.get_indexing_rules)


def _message(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Message"])


def test_the_headers_of_traces_are_those_of_the_sdk(running: Running, sdk: Any) -> None:
    told = sdk.models.trace_header.TraceHeader.from_header_str(invoke(running))
    assert told.sampled == 1
    assert told.root.startswith("1-")


def test_the_traces_of_a_batch_meet_in_the_function(running: Running, xray: Any) -> None:
    sqs, functions = running.client("sqs"), running.client("lambda")
    url = sqs.create_queue(QueueName="batched")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    create(functions, "takes")
    roots = [segment()["trace_id"] for _ in range(2)]
    entries = [
        {
            "Id": str(number),
            "MessageBody": "x",
            "MessageSystemAttributes": {
                "AWSTraceHeader": {
                    "DataType": "String",
                    "StringValue": f"Root={root};Parent={new_id()};Sampled=1",
                }
            },
        }
        for number, root in enumerate(roots)
    ]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    functions.create_event_source_mapping(
        EventSourceArn=arn["QueueArn"], FunctionName="takes", BatchSize=10
    )

    def both() -> Any:
        found = xray.batch_get_traces(TraceIds=roots)["Traces"]
        shown = [[json.loads(each["Document"]) for each in one["Segments"]] for one in found]
        return shown if len(shown) == 2 else None

    first, second = sorted(until(both), key=len)
    # One of them has the function's own segment, and both lead to the other.
    assert [each.get("origin") for each in first] == ["AWS::Lambda"]
    assert {each.get("origin") for each in second} >= {"AWS::Lambda::Function"}
    for one, other in ((first, second), (second, first)):
        service = next(each for each in one if each["origin"] == "AWS::Lambda")
        assert service["links"][0]["trace_id"] == other[0]["trace_id"]
    sqs.close()
    functions.close()


def test_executions_with_tracing_are_segments(running: Running, xray: Any) -> None:
    states = running.client("stepfunctions")
    definition = {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "plain"},
                "End": True,
            }
        },
    }
    machine = states.create_state_machine(
        name="traced",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/r",
        tracingConfiguration={"enabled": True},
    )["stateMachineArn"]
    root, caller = segment()["trace_id"], new_id()
    header = f"Root={root};Parent={caller}"
    arn = states.start_execution(stateMachineArn=machine, traceHeader=header)["executionArn"]
    until(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    found = until(lambda: len(seen := documents(xray, root)) == 3 and seen)
    execution = found["AWS::StepFunctions::StateMachine"]
    assert (execution["name"], execution["parent_id"]) == ("traced", caller)
    assert found["AWS::Lambda"]["parent_id"] == execution["id"]
    assert states.describe_execution(executionArn=arn)["traceHeader"] == header
    states.close()
