"""What ``up`` prints once the emulator is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator import __version__
from emulator.cli.tables import show_table
from emulator.cli.terminal import is_terminal, note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.app import Emulator
    from emulator.project.template import TemplateStack
    from emulator.registry.function import Function


def greet(emulator: Emulator) -> None:
    """Print where the emulator is, what it serves and how to call a function."""
    from emulator.services.lambda_.access import urls

    functions = emulator.registry.all()
    declared = [] if emulator.project is None else emulator.project.functions
    order = {name: index for index, name in enumerate(declared)}
    functions.sort(key=lambda function: order.get(function.name, len(order)))
    print(f"localfaas {__version__}, {emulator.driver.name} driver: {emulator.endpoint}\n")
    name = "FUNCTION"
    if functions:
        name = functions[0].name
        rows = [
            (
                each.name,
                each.latest.runtime,
                each.latest.handler,
                f"{each.latest.memory_mb} MB",
                f"{each.latest.timeout_s} s",
                " ".join(
                    urls.address(emulator.endpoint, each.latest.region, url.url_id)
                    for url in each.attached.urls.values()
                ),
            )
            for each in functions
        ]
        show_table(("FUNCTION", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "URL"), rows, details=1)
    elif emulator.project is not None and emulator.project.is_unfinished:
        print("No functions yet: they come with what is still being made.")
    else:
        print("No functions yet: create one with any AWS tool, or start with a folder of them.")
    mappings = [
        (each["EventSourceArn"].rpartition(":")[2], each["FunctionArn"].split(":", 6)[6])
        for _, _, _, each in emulator.registry.mappings.all()
        if each["Enabled"] and emulator.pollers.is_polled(each)
    ]
    if mappings:
        print()
        show_table(("QUEUE", "FEEDS"), sorted(mappings))
    for service in emulator.table.services:
        # What was never called has no API.
        for api in service.state.shown_apis() if hasattr(service.state, "shown_apis") else ():
            print(f"\n{api.name}: {api.url}")
            show_table(("METHOD", "PATH", "FUNCTION", "AUTH"), api.routes)
    for port, balancer in emulator.load_balancers.by_port.items():
        print(f"\nload balancer: http://localhost:{port}/ leads to {balancer.function}")
    for stack in emulator.project.stacks if emulator.project is not None else ():
        _show_stack(stack)
    if emulator.debug:
        _show_debugged(emulator, {function.name: function for function in functions})
    calls = f"{emulator.endpoint}/2015-03-31/functions/{name}/invocations"
    print(
        f"\naws lambda invoke --endpoint-url {emulator.endpoint} --no-sign-request "
        f"--region {emulator.settings.region} --function-name {name} /dev/stdout\n"
        f"curl -d '{{}}' {calls}\n",
        flush=True,
    )
    print(f"dashboard: {emulator.endpoint}/_emulator/\n", flush=True)
    for text in emulator.notes:
        note(text)
    if any(text in emulator.notes for text in emulator.driver.notes()):
        note("`localfaas doctor` says what can be done about this machine.")
    if not is_terminal():
        # What programs wait for, Testcontainers' modules for other emulators among them.
        print("Ready.", flush=True)


def _show_debugged(emulator: Emulator, functions: Mapping[str, Function]) -> None:
    from emulator.driver.languages.table import language_of

    if emulator.debug:
        print()
    for name, debug in emulator.debug.items():
        function = functions.get(name)
        language = language_of(function.latest.runtime) if function is not None else None
        if language is not None and language.missing_debugger():
            note(f"no debugger can attach to {name}: {language.missing_debugger()}")
            continue
        missing = "" if function is not None else ", which is not here yet"
        where = f"127.0.0.1:{debug.port}"
        print(f"{name}{missing}: a debugger can attach to {where} from its first call on")


def _show_stack(stack: TemplateStack) -> None:
    """Print what a stack has beside functions, on a terminal; and its outputs."""
    resources, outputs = stack.shown()
    if resources and is_terminal():
        print(f"\nstack {stack.source.stack_name}")
        last = len(resources) - 1
        for index, (kind, names) in enumerate(resources.items()):
            branch = "└" if index == last else "├"
            print(f"{branch}─ {kind}: {', '.join(names)}")
    if outputs:
        print()
        show_table(("OUTPUT", "VALUE"), list(outputs.items()))
