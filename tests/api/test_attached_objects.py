"""Objects of an attached S3 that services read: templates and code."""

from __future__ import annotations

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import ECHO, Running
from tests.api.stacks import ROLE, Stacks, queue, template


def test_templates_and_code_lie_in_an_attached_s3(scripted: Running) -> None:
    attached = Running(Settings(port=0, engines={"s3": scripted.url}), driver=ScriptedDriver())
    s3, functions = scripted.client("s3"), attached.client("lambda")
    try:
        s3.create_bucket(Bucket="far")
        s3.put_object(Bucket="far", Key="t.json", Body=template({"Q": queue()}))
        s3.put_object(Bucket="far", Key="code.zip", Body=ECHO)
        stacks = Stacks(attached)
        stacks.client.create_stack(StackName="far", TemplateURL=f"{scripted.url}/far/t.json")
        assert stacks.settled("far")["StackStatus"] == "CREATE_COMPLETE"
        made = functions.create_function(
            FunctionName="far",
            Role=ROLE,
            Runtime="python3.12",
            Handler="app.handler",
            Code={"S3Bucket": "far", "S3Key": "code.zip"},
        )
        assert made["CodeSize"] == len(ECHO)
    finally:
        attached.stop()
