"""Scenarios of macros, transforms and parameters that name others."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.replay import ACCOUNT, CODE, new_name
from tests.conformance.stack_updates import CAPABILITIES, StackScenario, Update

Template = dict[str, Any]
_PLACE = "<replace-this>"


# -- what the macros do, by their names -------------------------


def _insert(event: Any) -> Any:
    """Put what the parameters say in front of each place."""
    said = event["params"]["Input"]
    text = json.dumps(event["fragment"]).replace(_PLACE, f"{said} {_PLACE}")
    return json.loads(text)


def _substitute(event: Any) -> Any:
    values = event["templateParameterValues"]
    return json.loads(
        json.dumps(event["fragment"]).replace("{Substitution}", values["Substitution"])
    )


def _fifo(event: Any) -> Any:
    return {**event["fragment"], "FifoTopic": True, "ContentBasedDeduplication": True}


def _add_role(event: Any) -> Any:
    fragment = copy.deepcopy(event["fragment"])
    fragment["Resources"]["Parameter"]["Properties"]["Value"] = "not-important"
    arn = ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AdministratorAccess"]
    statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"AWS": "*"}}
    fragment["Resources"]["Role"] = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": event["params"]["RoleName"],
            "AssumeRolePolicyDocument": {"Statement": [statement], "Version": "2012-10-17"},
            "ManagedPolicyArns": [{"Fn::Join": ["", arn]}],
        },
    }
    return fragment


def _print(event: Any) -> Any:
    fragment = copy.deepcopy(event["fragment"])
    text = json.dumps({"Event": event})
    fragment["Resources"]["Parameter"]["Properties"]["Value"] = text
    return fragment


def _value(event: Any) -> Any:
    """Give the fragment a value nobody had before, and say who gave it."""
    return {**event["fragment"], "Value": f"{uuid.uuid4()} of {event['transformId']}"}


MACROS: dict[str, Callable[[Any], Any]] = {
    "Insert": _insert,
    "Substitute": _substitute,
    "Fifo": _fifo,
    "AddRole": _add_role,
    "PrintInternals": _print,
    "One": _value,
    "Other": _value,
}


def answer(event: Any) -> Any:
    """Answer as the function of the macro that an event is for."""
    made = MACROS[event["transformId"].rpartition("::")[2]](event)
    return {"requestId": event["requestId"], "status": "success", "fragment": made}


# -- what the scenarios share -----------------------------------


def register(it: StackScenario, *names: str) -> str:
    """Register macros; returns the name of their stack."""
    function = new_name("macro")
    it.clients("lambda").create_function(
        FunctionName=function,
        Runtime="python3.12",
        Handler="index.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/role",
        Code={"ZipFile": CODE},
    )
    stack = new_name("macros")
    resources = {
        name: {
            "Type": "AWS::CloudFormation::Macro",
            "Properties": {"Name": name, "FunctionName": function},
        }
        for name in names
    }
    it.client.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    it.client.get_waiter("stack_create_complete").wait(StackName=stack)
    return stack


def _gone(it: StackScenario, stack: str) -> None:
    stack_id = it.client.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    it.client.delete_stack(StackName=stack)
    it.client.get_waiter("stack_delete_complete").wait(StackName=stack_id)


def _with_macros(*names: str) -> Callable[[Callable[[StackScenario], None]], Any]:
    """Return what runs a scenario between the birth and the end of macros."""

    def decorate(scenario: Callable[[StackScenario], None]) -> Callable[[StackScenario], None]:
        def run(it: StackScenario) -> None:
            macros = register(it, *names)
            try:
                scenario(it)
            finally:
                _gone(it, macros)

        return run

    return decorate


def _parameter(value: Any, **more: Any) -> Template:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **more}}


def _processed(it: StackScenario, template: Template, **values: str) -> None:
    it.client.create_stack(
        StackName=it.stack,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
        Capabilities=CAPABILITIES,
    )
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    found = it.client.get_template(StackName=it.stack, TemplateStage="Processed")
    it.match("processed_template", found)


_NAME = {"ParameterName": {"Value": {"Ref": "Parameter"}}}


# -- macros -----------------------------------------------------


@_with_macros("AddRole")
def capabilities(it: StackScenario) -> None:
    role = new_name("role")
    it.comparison.know("<role-name:1>", role)
    template = {
        "Transform": {"Name": "AddRole", "Parameters": {"RoleName": role}},
        "Resources": {"Parameter": _parameter("x")},
        "Outputs": _NAME,
    }
    try:
        it.client.create_stack(StackName=it.stack, TemplateBody=json.dumps(template))
    except ClientError as error:
        it.match("error", error.response)
    _processed(it, template)


@_with_macros("Substitute")
def whole_template(it: StackScenario) -> None:
    template = {
        "Transform": "Substitute",
        "Parameters": {"Substitution": {"Type": "String", "Default": "SubstitutionDefault"}},
        "Resources": {"Parameter": _parameter("{Substitution}")},
        "Outputs": _NAME,
    }
    _processed(it, template, Substitution="new-value")


@_with_macros("Insert")
def in_order(it: StackScenario) -> None:
    def named(said: str) -> Any:
        return {"Name": "Insert", "Parameters": {"Input": said}}

    parameter = _parameter(_PLACE)
    parts = [named("snippet-transform"), named("second-snippet-transform")]
    parameter["Properties"]["Fn::Transform"] = parts
    template = {
        "Transform": [named("global-transform"), named("second-global-transform")],
        "Resources": {"Parameter": parameter},
    }
    _processed(it, template)


@_with_macros("Fifo")
def part_of_a_template(it: StackScenario) -> None:
    topic = {"TopicName": {"Ref": "TopicName"}, "Fn::Transform": {"Name": "Fifo"}}
    template = {
        "Parameters": {"TopicName": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": topic}},
        "Outputs": {"TopicName": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}}},
    }
    _processed(it, template, TopicName=f"{new_name('topic')}.fifo")


@_with_macros("PrintInternals")
def what_a_macro_gets(it: StackScenario) -> None:
    template = {
        "Parameters": {"ExampleParameter": {"Type": "String", "Default": "example-value"}},
        "Transform": {"Name": "PrintInternals", "Parameters": {"Input": "test-input"}},
        "Resources": {"Parameter": _parameter(_PLACE)},
    }
    it.client.create_stack(
        StackName=it.stack, TemplateBody=json.dumps(template), Capabilities=CAPABILITIES
    )
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    (made,) = it.client.describe_stack_resources(StackName=it.stack)["StackResources"]
    found = it.clients("ssm").get_parameter(Name=made["PhysicalResourceId"])
    it.match("event", json.loads(found["Parameter"]["Value"]))


def macro_that_is_gone(it: StackScenario) -> None:
    """The macro of a stack's template is gone: the next template has none, and does not miss it."""
    it.comparison.know("<stack-name:1>", it.stack)
    before: Template = {
        "Transform": "Substitute",
        "Parameters": {"Substitution": {"Type": "String", "Default": "SubstitutionDefault"}},
        "Resources": {"Parameter": _parameter("{Substitution}")},
        "Outputs": _NAME,
    }
    value = {"Ref": "Substitution"}
    after = {
        "Parameters": before["Parameters"],
        "Resources": {
            "Parameter": _parameter("SubstitutionDefault"),
            "Parameter2": _parameter(value),
        },
        "Outputs": _NAME,
    }
    macros = register(it, "Substitute")
    for number, kind, template in ((1, "CREATE", before), (2, "UPDATE", after)):
        made = it.client.create_change_set(
            StackName=it.stack,
            ChangeSetName=it.change_set,
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
        )
        it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
        described = it.client.describe_change_set(
            ChangeSetName=made["Id"], IncludePropertyValues=True
        )
        it.match(f"describe-change-set-{number}-prop-values", described)
        executed = it.client.execute_change_set(ChangeSetName=made["Id"])
        it.match(f"execute-change-set-{number}", executed)
        it.client.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName=it.stack)
        if number == 1:
            (stack,) = it.client.describe_stacks(StackName=it.stack)["Stacks"]
            it.match("post-create-1-describe", stack)
            _gone(it, macros)


def _in_properties(*names: str, **properties: Any) -> Template:
    parameter = _parameter("x", Name="parameter-name", **properties)
    if names:
        parameter["Properties"]["Fn::Transform"] = [{"Name": name} for name in names]
    return {"Resources": {"Parameter": parameter}}


@_with_macros("One", "Other")
def another_order(it: StackScenario) -> None:
    before, after = _in_properties("One", "Other"), _in_properties("Other", "One")
    it.update(Update(before, after, capabilities=CAPABILITIES))


@_with_macros("One")
def no_macro_any_more(it: StackScenario) -> None:
    before = {"Parameters": {"Input": {"Type": "String"}}, **_in_properties("One")}
    values: tuple[dict[str, str], dict[str, str]] = ({"Input": "test"}, {})
    it.update(Update(before, _in_properties(), values, CAPABILITIES))


# -- parameters in SSM ------------------------------------------


def _in_ssm(it: StackScenario, placeholder: str) -> str:
    """Make a parameter in SSM; returns its name."""
    name = new_name("parameter")
    it.comparison.know(placeholder, name)
    it.clients("ssm").put_parameter(Name=name, Type="String", Value="one")
    return name


_SSM = "AWS::SSM::Parameter::Value<String>"


def _referring(kind: str) -> Template:
    return {
        "Parameters": {"MyValue": {"Type": kind}},
        "Resources": {"MyParameter": _parameter({"Ref": "MyValue"})},
    }


def ssm_unchanged(it: StackScenario) -> None:
    name = _in_ssm(it, "<parameter-name>")
    before: Template = {
        "Parameters": {"InputValue": {"Type": _SSM}},
        "Resources": {"DerivedParameter": _parameter({"Ref": "InputValue"})},
        "Outputs": {"DerivedParameterName": {"Value": {"Ref": "DerivedParameter"}}},
    }
    more = {**before["Resources"], "AnotherParameter": _parameter("new parameter")}
    values = {"InputValue": name}
    it.update(Update(before, {**before, "Resources": more}, (values, values), CAPABILITIES))


def ssm_type(it: StackScenario) -> None:
    values = {"MyValue": _in_ssm(it, "<param-name>")}
    before, after = _referring("String"), _referring(_SSM)
    it.update(Update(before, after, (values, values), CAPABILITIES))


def ssm_changed(it: StackScenario) -> None:
    name = _in_ssm(it, "<param-name>")
    template, values = _referring(_SSM), {"MyValue": name}

    def between() -> None:
        it.clients("ssm").put_parameter(Name=name, Value="two", Overwrite=True)

    it.update(Update(template, template, (values, values), CAPABILITIES), between)


# -- AWS::LanguageExtensions ------------------------------------


def _resolver(field: Any, kind: str, **more: Any) -> Template:
    properties = {
        "ApiId": {"Fn::GetAtt": "GraphQLApi.ApiId"},
        "DataSourceName": {"Fn::GetAtt": ["GraphQLNoneDataSource", "Name"]},
        "FieldName": field,
        "TypeName": kind,
        **more,
    }
    return {
        "Type": "AWS::AppSync::Resolver",
        "DependsOn": "GraphQLApiSchema",
        "Properties": properties,
    }


def loops(it: StackScenario) -> None:
    """A GraphQL API whose fields two lists name. There is no AppSync here: only its template."""
    names = ["alpha", "beta"]
    it.comparison.know("<event-name-0>", names[0])
    it.comparison.know("<event-name-1>", names[1])
    it.comparison.know("<stack-name>", it.stack)
    recorded = it.comparison.recorded("transformed")["Resources"]
    definition = recorded["GraphQLApiSchema"]["Properties"]["Definition"]
    for number in range(2):
        definition = definition.replace(f"<event-name-{number}>", f"${{Name{number}}}")
    name = {"Ref": "AppSyncServerEventNames"}
    variables = {f"Name{number}": {"Fn::Select": [number, name]} for number in range(2)}
    code = "export function request(ctx) {}\n\nexport function response(ctx) {}\n"
    payload = '{\n  "version": "2017-02-28",\n  "payload": $util.toJson($context.arguments)\n}\n'
    mutation = _resolver(
        {"Fn::Sub": "publishServer${EventName}"},
        "Mutation",
        RequestMappingTemplate=payload,
        ResponseMappingTemplate="$util.toJson($context.result)\n",
    )
    subscription = _resolver(
        {"Fn::Join": ["", ["on", {"Ref": "EventName"}]]},
        "Subscription",
        Code=code,
        Runtime={"Name": "APPSYNC_JS", "RuntimeVersion": "1.0.0"},
    )
    api = {"Name": {"Fn::Sub": "${AWS::StackName}_api"}, "AuthenticationType": "API_KEY"}
    api_id = {"Fn::GetAtt": ["GraphQLApi", "ApiId"]}
    schema = {"ApiId": api_id, "Definition": {"Fn::Sub": [definition, variables]}}
    source = {"ApiId": api_id, "Name": "noneds", "Type": "NONE"}
    template = {
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {
            "AppSyncServerEventNames": {"Type": "CommaDelimitedList"},
            "AppSyncSubscriptionFilterNames": {"Type": "CommaDelimitedList"},
        },
        "Resources": {
            "GraphQLApi": {"Type": "AWS::AppSync::GraphQLApi", "Properties": api},
            "GraphQLApiSchema": {"Type": "AWS::AppSync::GraphQLSchema", "Properties": schema},
            "GraphQLNoneDataSource": {"Type": "AWS::AppSync::DataSource", "Properties": source},
            "Fn::ForEach::Subscriptions": [
                "EventName",
                {"Ref": "AppSyncSubscriptionFilterNames"},
                {"GraphQLResolverPublish${EventName}Subscription": subscription},
            ],
            "Fn::ForEach::Mutations": [
                "EventName",
                {"Ref": "AppSyncServerEventNames"},
                {"GraphQLResolverPublishServer${EventName}Mutation": mutation},
            ],
        },
        "Outputs": {"GraphQLApiArn": {"Value": {"Ref": "GraphQLApi"}}},
    }
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": ",".join(names)}
            for key in ("AppSyncServerEventNames", "AppSyncSubscriptionFilterNames")
        ],
    )
    found = it.client.get_template(ChangeSetName=made["Id"], TemplateStage="Processed")
    it.match("transformed", found["TemplateBody"])
    it.comparison.seen |= {"resources", "stack-outputs"}


#: By the recordings' names; they need functions that answer as :func:`answer` does.
MACRO_SCENARIOS: dict[str, Callable[[StackScenario], None]] = {
    "test_capabilities_requirements": capabilities,
    "test_global_scope": whole_template,
    "test_scope_order_and_parameters": in_order,
    "test_snipped_scope": part_of_a_template,
    "test_validate_lambda_internals": what_a_macro_gets,
    "test_update_after_macro_for_before_version_is_deleted": macro_that_is_gone,
    "test_multiple_fn_transform_order": another_order,
    "test_remove_transform_in_update_change_set": no_macro_any_more,
    "test_dynamic_ssm_parameter_lookup_no_change": ssm_unchanged,
    "test_change_parameter_type": ssm_type,
    "test_update_parameter_between_deployments": ssm_changed,
    "test_transform_foreach_use_case": loops,
}
