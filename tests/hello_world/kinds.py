"""The resource types of Hello World in templates."""

from __future__ import annotations

from emulator.stack.kinds import Kind, TableKind

KINDS: dict[str, Kind] = {
    "AWS::HelloWorld::Greeting": TableKind(
        service="hello-world",
        create_operation="PutGreeting",
        update_operation="PutGreeting",
        delete_operation="DeleteGreeting",
        ref="{Name}",
        identifier={"Name": "{Name}"},
        attributes={"Arn": "{Arn}"},
    ),
}
