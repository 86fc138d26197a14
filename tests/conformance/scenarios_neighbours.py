"""Recorded scenarios in which executions meet other services, accounts and log groups."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3

from tests.conformance.replay import REGION, new_name
from tests.conformance.replay_workflows import HISTORY, ROLE, Workflow
from tests.conformance.scenarios_workflows import PASS, RAISES, Replay, _create, with_text
from tests.messages import received
from tests.patience import until

_OTHER_ACCOUNT = "222222222222"


# -- SQS and SNS --------------------------------------------------------------------------------


def no_such_queue(w: Workflow) -> None:
    recorded = w.comparison.recorded(HISTORY)["events"][4]["taskFailedEventDetails"]
    name = recorded["cause"].split(": ")[1]
    w.comparison.know("<no_such_sqs_queue_url>", name)
    w.run(w.definition, {**w.input_of(), "QueueUrl": name})


def _subscribed(w: Workflow) -> tuple[Any, str, Any, str]:
    """Return a topic and a queue that has its messages."""
    topics, (queues, url) = w.clients("sns"), w.queue()
    arn = topics.create_topic(Name=new_name("topic"))["TopicArn"]
    names = ["QueueArn"]
    queue = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    topics.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue["QueueArn"])
    return topics, arn, queues, url


def _message(queues: Any, url: str) -> dict[str, Any]:
    (message,) = received(queues, url)["Messages"]
    found: dict[str, Any] = json.loads(message["Body"])
    return found


def topic_token(w: Workflow) -> None:
    topics, arn, queues, url = _subscribed(w)
    execution = w.start(w.machine(w.definition), {**w.input_of(), "TopicArn": arn})
    message = _message(queues, url)
    token = json.loads(message["Message"])["TaskToken"]
    w.client.send_task_success(taskToken=token, output="{}")
    w.over(execution)
    w.history(execution)
    w.match("messages", [message])
    topics.close()
    queues.close()


def topic_attributes(w: Workflow) -> None:
    topics, arn, queues, url = _subscribed(w)
    w.run(w.definition, {**w.input_of(), "TopicArn": arn})
    w.match("messages", [_message(queues, url)])
    topics.close()
    queues.close()


# -- other accounts -----------------------------------------------------------------------------


def other_account(w: Workflow) -> None:
    """Start a machine of another account by a role of it."""
    other = boto3.client(
        "stepfunctions",
        endpoint_url=w.client.meta.endpoint_url,
        region_name=REGION,
        aws_access_key_id=_OTHER_ACCOUNT,
        aws_secret_access_key="test",
    )
    made = other.create_state_machine(
        name=new_name("machine"), definition=json.dumps(w.definitions[-1]), roleArn=ROLE
    )
    role = f"arn:aws:iam::{_OTHER_ACCOUNT}:role/trusted"
    w.comparison.know("<trusted_role_arn>", role)
    w.comparison.know("<secondary_test_aws_account_id>", _OTHER_ACCOUNT)
    given = {**w.input_of(), "CredentialsRoleArn": role, "StateMachineArn": made["stateMachineArn"]}
    definition = next(
        each for each in w.definitions if _role_field(w.parameter) in json.dumps(each)
    )
    w.run(definition, given)
    other.close()


def _role_field(parameter: str) -> str:
    """Return the field that names the role in the definition that was recorded."""
    fields = {
        "JSONATA": "$states.input.CredentialsRoleArn",
        "CONTEXT": '"$$.Execution.Input.CredentialsRoleArn"',
        "VARIABLE": '"$roleArn"',
        "INTRINSIC": "States.Format",
    }
    return next((field for end, field in fields.items() if end in parameter), '"RoleArn.$": "$.')


# -- API Gateway --------------------------------------------------------------------------------

_FUNCTION = """
import json
def handler(event, context):
    body = event.get("body")
    return {"isBase64Encoded": False, "statusCode": 200, "body": body,
            "headers": {"Content-Type": "application/json"}}
"""


def call_api(w: Workflow) -> None:
    """Call a REST API whose function gives back what it was sent.

    What CloudFront adds to answers is not compared: none stands before an API here.
    """
    for event in w.comparison.recorded(HISTORY)["events"]:
        for details in event.values():
            if isinstance(details, dict) and "Headers" in (details.get("output") or ()):
                headers = details["output"]["Headers"]
                for name in ("Via", "X-Amz-Cf-Id", "X-Amz-Cf-Pop", "X-Cache"):
                    del headers[name]
                varying = [name for name, value in headers.items() if "<headers" in str(value)]
                headers |= dict.fromkeys(varying, "date")
    function = w.function(_FUNCTION)
    apis = w.clients("apigateway")
    api = apis.create_rest_api(name=new_name("api"))["id"]
    (root,) = apis.get_resources(restApiId=api)["items"]
    given = w.input_of()
    resource = apis.create_resource(restApiId=api, parentId=root["id"], pathPart=given["Path"])
    place = {"restApiId": api, "resourceId": resource["id"], "httpMethod": given["Method"]}
    apis.put_method(**place, authorizationType="NONE")
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    apis.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    apis.create_deployment(restApiId=api, stageName=given["Stage"])
    endpoint = f"{api}.execute-api.{REGION}.amazonaws.com"
    w.comparison.know("<api-endpoint>", endpoint)
    w.run(w.definition, {**given, "ApiEndpoint": endpoint})
    apis.close()


# -- CloudFormation -----------------------------------------------------------------------------


def from_template(field: str) -> Replay:
    def replay(w: Workflow) -> None:
        name = new_name("machine")
        value = w.definition if field == "Definition" else json.dumps(w.definition)
        properties = {"RoleArn": ROLE, "StateMachineName": name, field: value}
        machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        stacks, stack = w.clients("cloudformation"), new_name("stack")
        outputs = {"Arn": {"Value": {"Ref": "Machine"}}}
        body = json.dumps({"Resources": {"Machine": machine}, "Outputs": outputs})
        stacks.create_stack(StackName=stack, TemplateBody=body)
        stacks.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        (made,) = stacks.describe_stacks(StackName=stack)["Stacks"]
        answer = w.client.describe_state_machine(stateMachineArn=made["Outputs"][0]["OutputValue"])
        text = json.dumps(answer, default=str).replace(name, "state_machine_name")
        w.comparison.know("snf_role_arn", ROLE)
        w.match("describe_state_machine_response", json.loads(text))
        stacks.delete_stack(StackName=stack)
        stacks.close()

    return replay


# -- the API, logs and limits -------------------------------------------------------------------


def activities(w: Workflow) -> None:
    names = [new_name(f"activity{index}") for index in range(3)]
    for name in names:
        w.client.create_activity(name=name)
    answer = w.client.list_activities(maxResults=1000)
    answer.pop("nextToken", None)
    answer["activities"] = [each for each in answer["activities"] if each["name"] in names]
    text = json.dumps(answer, default=str)
    for index, name in enumerate(names):
        arn = next(e["activityArn"] for e in answer["activities"] if e["name"] == name)
        text = text.replace(json.dumps(arn), f'"activity_arn_{index}"')
        text = text.replace(json.dumps(name), f'"activity_name_{index}"')
    w.match("list_activities_response", json.loads(text))


def empty_key(w: Workflow) -> None:
    """Tag a machine with an empty key: the client itself refuses it."""
    from botocore.exceptions import ParamValidationError

    arn = _create(w, "creation_resp_1")["stateMachineArn"]
    client = boto3.client(
        "stepfunctions",
        endpoint_url=w.client.meta.endpoint_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    try:
        client.tag_resource(resourceArn=arn, tags=[{"key": "", "value": "value"}])
    except ParamValidationError as error:
        w.match("error", str(error))
    client.close()


def too_far(w: Workflow) -> None:
    """Wait for a time that is far away: it still waits when its history is read."""
    until = time.gmtime(time.time() + 24_855 * 24 * 3600)
    given = {"start_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", until)}
    arn = w.start(w.machine(w.definition), given)
    w.comparison.know("<timestamp>", given["start_at"])
    w.history(arn)
    w.client.stop_execution(executionArn=arn)


def large_result(w: Workflow) -> None:
    """The result of a Pass exceeds the limit by a byte; its definition was not recorded."""
    body = with_text(PASS)
    body["States"]["State_1"]["Result"] = "a" * (262_144 - 1)
    w.run(body, "{}")


def express_logged(w: Workflow) -> None:
    """Run an express execution asynchronously: its end is read from its log group."""
    logs, group = w.clients("logs"), new_name("group")
    logs.create_log_group(logGroupName=group)
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]
    configuration = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
    }
    body, given = w.definition, "{}"
    if "_tbd_" in json.dumps(body):
        body = with_text(body, _tbd_=w.function(RAISES))
    made = _create(w, "creation_response", body, type="EXPRESS", loggingConfiguration=configuration)
    machine = made["stateMachineArn"]
    execution = w.client.start_execution(stateMachineArn=machine, input=given)["executionArn"]

    def end() -> Any:
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines = [json.loads(each["message"]) for each in events]
        return next((line for line in lines if line["type"] == "ExecutionSucceeded"), None)

    w.match("end_event", until(end))
    for step, operation, request in (
        ("list_executions_error", "list_executions", {"stateMachineArn": machine}),
        ("describe_execution_error", "describe_execution", {"executionArn": execution}),
        ("stop_execution_error", "stop_execution", {"executionArn": execution}),
        ("get_execution_history_error", "get_execution_history", {"executionArn": execution}),
    ):
        if w.comparison.recorded(step):
            w.call(step, operation, **request)
    logs.close()


#: By parts of names; the first that fits.
REPLAYS: dict[str, Replay] = {
    "test_send_message_no_such_queue": no_such_queue,
    "test_sns_publish_wait_for_task_token": topic_token,
    "test_publish_message_attributes": topic_attributes,
    "test_cross_account_states_start_sync_execution": other_account,
    "TestTaskApiGateway::test_invoke_with": call_api,
    "test_cloudformation_definition_create_describe": from_template("Definition"),
    "test_cloudformation_definition_string_create_describe": from_template("DefinitionString"),
    "test_list_activities": activities,
    "test_tag_invalid_state_machine": empty_key,
    "test_timestamp_too_far_in_future_boundary": too_far,
    "test_start_large_input": large_result,
    "TestExpressAsync::test_retry": express_logged,
    "test_start_async_describe_history_execution": express_logged,
}
