"""The commands ``workflow …``: look at executions of state machines, try again, try out."""

from __future__ import annotations

import json as json_text
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Account, Endpoint, Json, Region
from emulator.cli.documents import FORMS, read_document
from emulator.cli.help import Commands
from emulator.cli.tables import show_table
from emulator.cli.terminal import CommandError, age, local_time, note, show_json
from emulator.cli.workflows import WorkflowClient, said
from emulator.model import plain_yaml

workflow = Commands(
    "Use state machines: list, show, history, redrive, test.\n\nExample: localfaas workflow list",
    no_args_is_help=True,
)
Execution = Annotated[
    str,
    typer.Argument(
        metavar="EXECUTION",
        help="Its ARN, MACHINE:NAME, or a machine's name for the latest one.",
    ),
]
#: Between two looks at an execution.
_PAUSE_S = 0.05
#: States that `show` has a row for.
_MOST_STATES = 200
_ROLE = "arn:aws:iam::000000000000:role/localfaas"


@workflow.command(name="list")
def list_workflows(
    machine: Annotated[
        str | None,
        typer.Argument(metavar="MACHINE", help="List the executions of this state machine."),
    ] = None,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List state machines, or the executions of one.

    Example: localfaas workflow list orders
    """
    states = WorkflowClient(endpoint, region, account)
    if machine is None:
        _list_machines(states, json=json)
        return
    arn = states.machine(machine)
    found = list(states.every("ListExecutions", "executions", stateMachineArn=arn))
    if json:
        show_json(found)
        return
    if not found:
        note(f"{machine} has had no execution: start one with `aws stepfunctions start-execution`")
        return
    rows = [
        (
            each["name"],
            each["status"],
            _ago(each["startDate"]),
            _took(each),
            str(each["redriveCount"]),
        )
        for each in found
    ]
    show_table(("EXECUTION", "STATUS", "STARTED", "TOOK", "REDRIVES"), rows)


def _list_machines(states: WorkflowClient, *, json: bool) -> None:
    found = list(states.every("ListStateMachines", "stateMachines"))
    if json:
        show_json(found)
        return
    if not found:
        note("no state machines: declare one in a template, or create it with any AWS SDK")
        return
    rows = [(each["name"], each["type"], _ago(each["creationDate"])) for each in found]
    show_table(("STATE MACHINE", "TYPE", "CREATED"), rows)


@workflow.command()
def show(
    execution: Execution,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Show an execution: its status, its states in time.

    Each state says what its task called, in which environment, and whether that was a cold start.

    Example: localfaas workflow show orders
    """
    states = WorkflowClient(endpoint, region, account)
    arn = states.execution(execution)
    document = states.client.get("executions/timeline", execution=arn)
    if json:
        show_json(document)
        return
    found = document["execution"]
    rows = [
        (name, str(found[member]))
        for name, member in (
            ("execution", "executionArn"),
            ("status", "status"),
            ("error", "error"),
            ("cause", "cause"),
            ("input", "input"),
            ("output", "output"),
            ("redrive", "redriveStatus"),
        )
        if found.get(member) is not None
    ]
    show_table(("", ""), [*rows, ("took", _took(found))])
    print()
    begin = _seconds(found["startDate"])
    columns = ("STATE", "TYPE", "AT", "TOOK", "CALLED", "ENVIRONMENT", "COLD START")
    shown = [row for each in document["states"][:_MOST_STATES] for row in _state_rows(each, begin)]
    show_table(columns, shown)
    if len(document["states"]) > _MOST_STATES:
        note(f"{len(document['states']) - _MOST_STATES:,} more states: `--json` has them")


def _state_rows(state: dict[str, Any], begin_s: float) -> Iterator[tuple[str, ...]]:
    """Yield a row for a state, and one for each attempt of its task but the first."""
    index = "" if state["index"] is None else f" [{state['index']}]"
    took = "" if state["left"] is None else f"{(state['left'] - state['entered']) * 1000:,.0f} ms"
    at = f"+{(state['entered'] - begin_s) * 1000:,.0f} ms"
    head = (state["state"] + index, state["type"], at, took)
    for attempt in state["attempts"] or [None]:
        yield (*head, *_called(attempt))
        head = ("", "", "", "")


def _called(attempt: dict[str, Any] | None) -> tuple[str, str, str]:
    """Return what a task called, where that ran, and how its environment started."""
    if attempt is None:
        return "", "", ""
    failed = f" → {attempt['error']}" if attempt["error"] else ""
    found = attempt["invocation"]
    if found is None:
        return attempt["resource"] + failed, "", ""
    cold = ""
    if found["cold"]:
        why = (found["why"] or {}).get("sentence", "")
        init = "" if found["init_ms"] is None else f"init {found['init_ms']:.0f} ms"
        cold = ", ".join(each for each in (why, init) if each) or "cold"
    return found["function"] + failed, (found["environment"] or "")[:8], cold


@workflow.command()
def history(
    execution: Execution,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Show what happened in an execution, event by event.

    Example: localfaas workflow history orders
    """
    states = WorkflowClient(endpoint, region, account)
    found = states.events(states.execution(execution))
    show_json(found) if json else _show_events(found)


def _show_events(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            str(each["id"]),
            local_time(int(_seconds(each["timestamp"]) * 1000)),
            each["type"],
            said(each),
        )
        for each in found
    ]
    show_table(("ID", "TIME", "EVENT", "DETAILS"), rows)


@workflow.command()
def redrive(
    execution: Execution,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Try again what failed in an execution; what succeeded is kept.

    Example: localfaas workflow redrive orders:run-7
    """
    states = WorkflowClient(endpoint, region, account)
    arn = states.execution(execution)
    states.call("RedriveExecution", executionArn=arn)
    print(arn)


@workflow.command(name="test")
def try_out(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A definition, as JSON or YAML; - for stdin.")
    ],
    given: Annotated[
        str, typer.Option("--input", metavar="INPUT", help=f"The input: {FORMS}.")
    ] = "{}",
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="NAME", help="Try this state alone, with its data flow."),
    ] = None,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Check a definition and run it once, or try one of its states.

    The state machine is made for this and removed again; its tasks are really done.

    Example: localfaas workflow test order.asl.json --input '{"id": 1}'
    """
    states = WorkflowClient(endpoint, region, account)
    definition = _read_definition(file)
    text = read_document(given, "input").decode("utf-8", "surrogateescape")
    checked = states.call("ValidateStateMachineDefinition", definition=definition)
    if checked["result"] != "OK":
        raise CommandError("\n".join(_finding(each) for each in checked["diagnostics"]))
    if state is not None:
        _try_state(states, definition, text, state)
        return
    name = f"localfaas-test-{uuid.uuid4().hex[:12]}"
    made = states.call("CreateStateMachine", name=name, definition=definition, roleArn=_ROLE)
    arn = made["stateMachineArn"]
    try:
        started = states.call("StartExecution", stateMachineArn=arn, input=text)
        found = _await(states, started["executionArn"])
        events = states.events(started["executionArn"])
    finally:
        states.call("DeleteStateMachine", stateMachineArn=arn)
    if json:
        show_json({"execution": found, "events": events})
    else:
        _show_events(events)
    if found["status"] != "SUCCEEDED":
        why = ": ".join(str(found[key]) for key in ("error", "cause") if found.get(key))
        raise CommandError(f"the execution has {found['status'].lower()}: {why}".rstrip(": "))
    if not json:
        print(found["output"])


def _read_definition(file: str) -> str:
    text = read_document(file, "definition").decode("utf-8", "surrogateescape")
    if text.lstrip().startswith("{"):
        return text
    try:
        return json_text.dumps(plain_yaml.parse(text))
    except (plain_yaml.YamlProblem, TypeError) as failure:
        raise CommandError(f"{file} is neither JSON nor YAML: {failure}") from failure


def _finding(found: dict[str, Any]) -> str:
    place = f" at {found['location']}" if found.get("location") else ""
    return f"{found['code']}: {found['message']}{place}"


def _try_state(states: WorkflowClient, definition: str, text: str, state: str) -> None:
    found = states.call(
        "TestState",
        definition=definition,
        stateName=state,
        input=text,
        roleArn=_ROLE,
        inspectionLevel="DEBUG",
    )
    show_json(found)
    if found["status"] == "FAILED":
        raise CommandError(f"the state fails: {found.get('error')}: {found.get('cause', '')}")


def _await(states: WorkflowClient, arn: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = states.call("DescribeExecution", executionArn=arn)
        if found["status"] != "RUNNING":
            return found
        time.sleep(_PAUSE_S)


def _seconds(value: Any) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def _ago(value: Any) -> str:
    return f"{age(max(0.0, time.time() - _seconds(value)))} ago"


def _took(found: dict[str, Any]) -> str:
    end = _seconds(found["stopDate"]) if found.get("stopDate") else time.time()
    return f"{max(0.0, end - _seconds(found['startDate'])):.3f} s"
