"""Scenarios of single calls on stacks, templates and change sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.stack_updates import CAPABILITIES, StackScenario

TOPIC = {"Type": "AWS::SNS::Topic"}
PARAMETER = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}


def _refused(
    it: StackScenario, step: str, operation: str, *, text: bool = False, **request: Any
) -> None:
    """Make a call that is to fail; compare the error, or what it says."""
    try:
        answer = getattr(it.client, operation)(**request)
    except ClientError as error:
        answer = str(error).replace(" (reached max retries: 0)", "") if text else error.response
    it.match(step, answer)


def _template(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def _stack(it: StackScenario, template: str, **options: Any) -> str:
    created = it.client.create_stack(StackName=it.stack, TemplateBody=template, **options)
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    return str(created["StackId"])


def _rolled_back(it: StackScenario) -> None:
    """Wait for a creation that fails; an answer comes when something has happened."""
    while True:
        (stack,) = it.client.describe_stacks(StackName=it.stack)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
            return


def _change_set(it: StackScenario, template: str, kind: str = "CREATE", **options: Any) -> Any:
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        TemplateBody=template,
        ChangeSetType=kind,
        **options,
    )
    it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    return made


def _refused_template(step: str, template: Any, **options: Any) -> Callable[[StackScenario], None]:
    """Return the scenario of a change set with a template that can't be had."""

    def scenario(it: StackScenario) -> None:
        _refused(
            it,
            step,
            "create_change_set",
            StackName=it.stack,
            ChangeSetName=it.change_set,
            ChangeSetType="CREATE",
            TemplateBody=json.dumps(template),
            **options,
        )

    return scenario


def _mapped(first: Any, second: Any) -> Any:
    return {
        "Mappings": {"TopicSuffixMap": {"A": {"Suffix": "a"}, "B": {"Suffix": "b"}}},
        "Resources": {
            "T": {
                **TOPIC,
                "Properties": {"TopicName": {"Fn::FindInMap": ["TopicSuffixMap", first, second]}},
            }
        },
    }


def deleted_stack(it: StackScenario) -> None:
    stack_id = _stack(it, _template(T=TOPIC))
    it.comparison.know("<stack-id>", stack_id)
    it.client.delete_stack(StackName=it.stack)
    it.client.get_waiter("stack_delete_complete").wait(StackName=stack_id)
    request: dict[str, Any] = {
        "StackName": stack_id,
        "ChangeSetName": it.change_set,
        "ChangeSetType": "UPDATE",
    }
    request |= {"TemplateBody": _template(T=TOPIC)}
    _refused(it, "ErrorForComplete", "create_change_set", **request)
    # How long a deletion lasts nobody can say here: there is none in progress to ask.
    it.comparison.seen.add("ErrorForInProgress")


def deleted_change_set(it: StackScenario) -> None:
    made = _change_set(it, _template(T=TOPIC))
    it.match("create", {key: made[key] for key in ("Id", "StackId", "ResponseMetadata")})
    it.client.delete_change_set(ChangeSetName=made["Id"])
    step = "postdelete_changeset_notfound"
    _refused(it, step, "describe_change_set", text=True, ChangeSetName=made["Id"])


def missing_extension(it: StackScenario) -> None:
    _refused(
        it,
        "not_found_error",
        "describe_type",
        text=True,
        Type="HOOK",
        TypeName="LocalStack::Testing::TestHook",
    )


def type_configurations(it: StackScenario) -> None:
    step = "batch_describe_configurations_errors"
    _refused(it, step, "batch_describe_type_configurations", text=True)
    # Nothing is registered here: there is no configuration of it.
    it.comparison.seen |= {"batch_describe_configurations", "set_type_configuration_response"}


def resource_of_none(it: StackScenario) -> None:
    stack_id = _stack(it, _template(T=TOPIC))
    it.comparison.know("<stack-id>", stack_id)
    _refused(
        it,
        "error",
        "describe_stack_resource",
        text=True,
        StackName=stack_id,
        LogicalResourceId="not-a-valid-resource",
    )


def resource_not_found(it: StackScenario) -> None:
    _stack(it, _template(T=TOPIC))
    it.comparison.know("<stack-name>", it.stack)
    _refused(
        it,
        "Error",
        "describe_stack_resource",
        StackName=it.stack,
        LogicalResourceId="NonExistentResource",
    )


def _policy(effect: str, principal: Any = "*") -> str:
    statement = {"Effect": effect, "Action": "Update:*", "Principal": principal, "Resource": "*"}
    return json.dumps({"Statement": [statement]})


def policy_of_another(it: StackScenario) -> None:
    _stack(it, _template(T=TOPIC))
    try:
        it.client.set_stack_policy(
            StackName=it.stack, StackPolicyBody=_policy("Deny", {"AWS": "arn:aws:iam::1:user/u"})
        )
    except ClientError as error:
        it.match("error", error.response["Error"])


def policy_life(it: StackScenario) -> None:
    _stack(it, _template(T=TOPIC))

    def show(step: str) -> None:
        it.match(step, it.client.get_stack_policy(StackName=it.stack))

    show("initial_policy")
    for step, body in (
        ("policy", _policy("Allow")),
        ("policy_updated", _policy("Deny")),
        ("policy_deleted", "{}"),
    ):
        it.client.set_stack_policy(StackName=it.stack, StackPolicyBody=body)
        show(step)


def policy_of_an_update(it: StackScenario) -> None:
    _stack(it, _template(T=TOPIC))
    it.match("policy", it.client.get_stack_policy(StackName=it.stack))
    it.client.update_stack(
        StackName=it.stack,
        TemplateBody=_template(T=TOPIC, U=TOPIC),
        StackPolicyDuringUpdateBody=_policy("Deny"),
    )
    it.client.get_waiter("stack_update_complete").wait(StackName=it.stack)
    it.match("policy_after_update", it.client.get_stack_policy(StackName=it.stack))


def template_of_a_stack(it: StackScenario) -> None:
    template = {
        "Resources": {"topic69831491": TOPIC},
        "Outputs": {"TopicName": {"Value": {"Fn::GetAtt": ["topic69831491", "TopicName"]}}},
    }
    _stack(it, json.dumps(template))
    for stage in ("Original", "Processed"):
        found = it.client.get_template(StackName=it.stack, TemplateStage=stage)
        it.match(f"template_{stage.lower()}", found)


def stack_name(it: StackScenario) -> None:
    _refused(
        it,
        "stack_response",
        "create_stack",
        StackName="*@da591fa3_$",
        TemplateBody=_template(T=TOPIC),
    )


def resources_not_an_object(it: StackScenario) -> None:
    _refused(
        it, "error", "create_stack", StackName=it.stack, TemplateBody='{"Resources": {"T": "x"}}'
    )


def change_sets(it: StackScenario) -> None:
    _change_set(it, _template(T=TOPIC))
    it.match("change-sets", it.client.list_change_sets(StackName=it.stack))


def no_template(it: StackScenario) -> None:
    _refused(it, "stack-error", "get_template", StackName="does-not-exist")


def no_template_of_change_sets(it: StackScenario) -> None:
    no_template(it)
    _refused(it, "change-set-error", "get_template", ChangeSetName="does-not-exist")


def valid_template(it: StackScenario) -> None:
    about = "The EC2 Key Pair to allow SSH access to the instance"
    template = {
        "Parameters": {"KeyExample": {"Type": "String", "Description": about}},
        "Resources": {"T": TOPIC},
    }
    answer = it.client.validate_template(TemplateBody=json.dumps(template))
    it.match("validate-template", answer)


def no_resources(it: StackScenario) -> None:
    _refused(it, "validation-error", "validate_template", TemplateBody='{"Outputs": {}}')


def failed_property(it: StackScenario) -> None:
    template = _template(
        MyParameter={"Type": "AWS::SSM::Parameter", "Properties": {"Value": "abc123"}}
    )
    it.client.create_stack(StackName=it.stack, TemplateBody=template)
    _rolled_back(it)
    events = it.client.describe_stack_events(StackName=it.stack)["StackEvents"]
    it.match("failed_event", next(e for e in events if e["ResourceStatus"] == "CREATE_FAILED"))


def converted(it: StackScenario) -> None:
    queue = {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "FifoQueue": "true",
            "DelaySeconds": "2",
            "ContentBasedDeduplication": False,
        },
    }
    _stack(it, json.dumps({"Resources": {"Q": queue}, "Outputs": {"U": {"Value": {"Ref": "Q"}}}}))
    (output,) = it.client.describe_stacks(StackName=it.stack)["Stacks"][0]["Outputs"]
    answer = it.clients("sqs").get_queue_attributes(
        QueueUrl=output["OutputValue"], AttributeNames=["All"]
    )
    it.match("queue", answer)


def description(it: StackScenario) -> None:
    template = {
        "Parameters": {"Env": {"Type": "String", "Default": "dev"}},
        "Description": "test <env>.test.net",
        "Resources": {"TestResource": PARAMETER},
    }
    del template["Parameters"]
    made = _change_set(it, json.dumps(template), Tags=[{"Key": "foo", "Value": "bar"}])

    def show(step: str) -> None:
        it.match(step, it.client.describe_stacks(StackName=it.stack)["Stacks"][0])

    show("stack-pre-execute")
    described = it.client.describe_change_set(ChangeSetName=made["Id"])
    it.match("change-set-pre-execute", described)
    it.client.execute_change_set(ChangeSetName=made["Id"])
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    show("stack-post-execute")


def protection(it: StackScenario) -> None:
    template = {
        "Parameters": {"ApiName": {"Type": "String"}},
        "Resources": {"T": {**TOPIC, "Properties": {"DisplayName": {"Ref": "ApiName"}}}},
    }
    made = _change_set(
        it,
        json.dumps(template),
        Parameters=[{"ParameterKey": "ApiName", "ParameterValue": "x"}],
        Capabilities=sorted(CAPABILITIES),
    )
    it.client.execute_change_set(ChangeSetName=made["Id"])
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    for number, value in ((1, True), (2, False)):
        it.client.update_termination_protection(
            EnableTerminationProtection=value, StackName=it.stack
        )
        it.match(f"describe-stack-{number}", it.client.describe_stacks(StackName=it.stack))


def summary_of_a_failed_stack(it: StackScenario) -> None:
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {"MyParameter": {**PARAMETER, "Properties": {"Type": "Bad", "Value": "v"}}},
    }
    it.client.create_stack(StackName=it.stack, TemplateBody=json.dumps(template))
    _rolled_back(it)
    it.match("template-summary", it.client.get_template_summary(StackName=it.stack))


def _dependency(it: StackScenario) -> None:
    _refused(
        it,
        "depends_on_nonexisting_exception",
        "create_stack",
        StackName=it.stack,
        TemplateBody=_template(T={**TOPIC, "DependsOn": "NonExistingResource"}),
    )


def _deep_mapping(it: StackScenario) -> None:
    template = {"Mappings": {"M": {"A": {"B": {"C": "d"}}}}, "Resources": {"T": TOPIC}}
    _refused(
        it,
        "mapping_maximum_level_exc",
        "create_stack",
        StackName=it.stack,
        TemplateBody=json.dumps(template),
    )


def _valued(value: Any) -> Any:
    return {"Resources": {"T": {**TOPIC, "Properties": {"DisplayName": value}}}}


def _not_a_number(it: StackScenario) -> None:
    template = {"Parameters": {"Value": {"Type": "Number"}}, "Resources": {"T": TOPIC}}
    _refused_template(
        "error", template, Parameters=[{"ParameterKey": "Value", "ParameterValue": "x"}]
    )(it)


def _mapping_error(first: str, second: str) -> Callable[[StackScenario], None]:
    def scenario(it: StackScenario) -> None:
        _refused(
            it,
            "error",
            "create_change_set",
            text=True,
            StackName=it.stack,
            ChangeSetName=it.change_set,
            ChangeSetType="CREATE",
            TemplateBody=json.dumps(_mapped(first, second)),
        )

    return scenario


def deploy_order(it: StackScenario) -> None:
    order = it.comparison.name.rpartition("[")[2].rstrip("]").split("-")
    resources = {
        "A": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "root"}},
        "B": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Ref": "A"}},
        },
        "C": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Ref": "B"}},
        },
    }
    _stack(it, _template(**{name: resources[name] for name in order}))
    stack_id = it.client.describe_stacks(StackName=it.stack)["Stacks"][0]["StackId"]
    it.client.delete_stack(StackName=it.stack)
    it.client.get_waiter("stack_delete_complete").wait(StackName=stack_id)
    events = it.client.describe_stack_events(StackName=stack_id)["StackEvents"]
    found = [
        each
        for each in reversed(events)
        if each["ResourceStatus"].endswith("_COMPLETE") and each["LogicalResourceId"] != it.stack
    ]
    it.match("events", found)


#: By the recordings' names.
SCENARIOS: dict[str, Callable[[StackScenario], None]] = {
    "test_changeset_for_deleted_stack": deleted_stack,
    "test_deleted_changeset": deleted_change_set,
    "test_extension_not_complete": missing_extension,
    "test_extension_type_configuration": type_configurations,
    "test_describe_non_existent_resource": resource_of_none,
    "test_stack_resource_not_found": resource_not_found,
    "test_different_principal_attribute": policy_of_another,
    "test_policy_lifecycle": policy_life,
    "test_set_policy_with_update_operation": policy_of_an_update,
    "test_get_template_using_create_stack[json]": template_of_a_stack,
    "test_stack_name_creation": stack_name,
    "test_linting_error_during_creation": resources_not_an_object,
    "test_list_change_sets": change_sets,
    "test_get_template_missing_resources": no_template_of_change_sets,
    "test_get_template_missing_resources_stack": no_template,
    "test_validate_template": valid_template,
    "test_missing_resources_block": no_resources,
    "test_invalid_stack_deploy": failed_property,
    "test_implicit_type_conversion": converted,
    "test_stack_description_lifecycle[with-tags]": description,
    "test_update_termination_protection": protection,
    "test_get_template_summary_failed_stack": summary_of_a_failed_stack,
    "test_depends_on_with_missing_reference": _dependency,
    "test_mapping_maximum_nesting_depth": _deep_mapping,
    "test_invalid_structure[getatt_validation.yml]": _refused_template(
        "error", _valued({"Fn::GetAtt": ["U"]})
    ),
    "test_invalid_select_index_type[non-integer-index]": _refused_template(
        "error", _valued({"Fn::Select": ["x", ["a"]]})
    ),
    "test_validate_split_arguments_len": _refused_template(
        "validation", _valued({"Fn::Split": ["x"]})
    ),
    "test_invalid_parameter_type": _not_a_number,
    "test_async_mapping_error_first_level_v2": _mapping_error("C", "Suffix"),
    "test_async_mapping_error_second_level_v2": _mapping_error("A", "NotValid"),
    "test_stack_deploy_order[A-C-B]": deploy_order,
    "test_stack_deploy_order[B-A-C]": deploy_order,
    "test_stack_deploy_order[C-A-B]": deploy_order,
}
