"""Custom resources by real runtimes: AWS's modules for inline code, handlers as CDK has them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from emulator.settings import Settings
from tests.api.conftest import Running
from tests.needs import need

PYTHON = """
import cfnresponse

def handler(event, context):
    size = int(event["ResourceProperties"]["Size"])
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Twice": size * 2}, "python-thing")
"""
NODE = """
const response = require('cfn-response');

exports.handler = async (event, context) => {
  const twice = Number(event.ResourceProperties.Size) * 2;
  await response.send(event, context, response.SUCCESS, { Twice: twice }, 'node-thing');
};
"""
#: As CDK's handlers: host and path of the address, and https.
BY_HTTPS = """
const https = require('https');
const url = require('url');

exports.handler = async (event) => {
  const parsed = url.parse(event.ResponseURL);
  const body = JSON.stringify({
    Status: 'SUCCESS', Reason: 'none', StackId: event.StackId, RequestId: event.RequestId,
    PhysicalResourceId: 'https-thing', LogicalResourceId: event.LogicalResourceId,
    Data: { Twice: Number(event.ResourceProperties.Size) * 2 },
  });
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body, 'utf8') };
  await new Promise((resolve, reject) => {
    const to = { hostname: parsed.hostname, path: parsed.path, method: 'PUT', headers };
    const request = https.request(to, (response) => {
      response.resume();
      response.statusCode < 400 ? resolve() : reject(new Error(`${response.statusCode}`));
    });
    request.on('error', reject);
    request.write(body);
    request.end();
  });
};
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, cpu_limit="none"))
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("runtime", "code", "physical"),
    [
        ("python3.12", PYTHON, "python-thing"),
        ("nodejs20.x", NODE, "node-thing"),
        ("nodejs20.x", BY_HTTPS, "https-thing"),
    ],
)
def test_a_function_answers_by_its_address(
    running: Running, runtime: str, code: str, physical: str
) -> None:
    if runtime.startswith("nodejs"):
        need("node")
    function = {
        "Runtime": runtime,
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/r",
        "Code": {"ZipFile": code},
        "Timeout": 60,
    }
    body = {
        "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Thing": {
                "Type": "Custom::Thing",
                "Properties": {"ServiceToken": {"Fn::GetAtt": "F.Arn"}, "Size": 21},
            },
        },
        "Outputs": {
            "Twice": {"Value": {"Fn::GetAtt": "Thing.Twice"}},
            "Id": {"Value": {"Ref": "Thing"}},
        },
    }
    stacks = running.client("cloudformation")
    stacks.create_stack(StackName=physical, TemplateBody=json.dumps(body))
    stacks.get_waiter("stack_create_complete").wait(
        StackName=physical, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    (stack,) = stacks.describe_stacks(StackName=physical)["Stacks"]
    found = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert found == {"Twice": "42", "Id": physical}
    stacks.delete_stack(StackName=physical)
    stacks.get_waiter("stack_delete_complete").wait(
        StackName=stack["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
