"""Templates, patterns and schemas that may never end have bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from emulator.services.apigateway import bounded
from emulator.services.apigateway.bounded import (
    BoundedWorker,
    TakesTooLong,
    is_quick_template,
    match,
    quick_body,
)
from emulator.services.apigateway.execution.templates import Given, render_here
from emulator.testing import FakeClock


@pytest.mark.parametrize(
    "template",
    [
        '{"statusCode": 200}',
        '#set($inputRoot = $input.path(\'$\'))\n{"id": "$inputRoot.id"}',
        '{"body": $input.json(\'$\'), "id": "$input.params(\'id\')", "at": "$context.stage"}',
        '#set($context.responseOverride.status = 404)#if($input.path("$.a") == 1)a#{else}b#end',
        "Action=SendMessage&MessageBody=$util.urlEncode($input.body)",
    ],
)
def test_usual_templates_are_rendered_here(template: str) -> None:
    assert is_quick_template(template, 1000)


@pytest.mark.parametrize(
    "template",
    [
        "#foreach($x in $input.path('$'))$x#end",
        "#set($a = 'x')" + '#set($a = "$a$a$a$a")' * 4,
        "#set($a = [1..99999999])",
        "#macro(again)#again()#end#again()",
        "$input.body.replaceAll('(a+)+', '')",
        "$input.body.zfill(999999999)",
        "$input.path('$..*..*..*')",
        "#if(" + "(" * 20 + "1" + ")" * 20 + ")x#end",
        "x$input.body" * 2000,
    ],
)
def test_templates_that_repeat_or_grow_are_not(template: str) -> None:
    assert not is_quick_template(template, 1000)


def test_a_loop_ends_after_a_thousand_rounds() -> None:
    body = json.dumps(list(range(1500)))
    made = render_here("#foreach($x in $input.path('$'))$x,#end", body, Given())
    assert made.split(",")[-3:] == ["998", "999", ""]


@pytest.mark.parametrize(
    ("schema", "quick"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, True),
        ({"properties": {"a": {"pattern": "^[a-z]+$"}}}, True),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, False),
        ({"patternProperties": {"(a*)*b": {}}}, False),
        ({"$ref": "#/definitions/a", "definitions": {"a": {"type": "object"}}}, True),
        ({"anyOf": [{"$ref": "#/definitions/a"}] * 2, "definitions": {"a": {}}}, False),
    ],
)
def test_which_schemas_are_quick(schema: Any, quick: bool) -> None:
    assert (quick_body(json.dumps(schema)) > 0) == quick


class _Table:
    def __init__(self, worker: BoundedWorker) -> None:
        self.bounded = worker

    async def state(self, name: str) -> _Table:
        return self


class _Parts:
    def __init__(self, worker: BoundedWorker) -> None:
        self.table = _Table(worker)


async def _failure(worker: BoundedWorker, job: dict[str, Any]) -> str:
    try:
        answer = await worker.ask({"do": "render", "text": "", **job})
    except TakesTooLong as error:
        return str(error)
    return str(answer["failure"])


async def test_what_never_ends_is_ended() -> None:
    clock = FakeClock()
    worker = BoundedWorker(clock)
    parts: Any = _Parts(worker)

    async def time_passes(work: Coroutine[Any, Any, Any]) -> Any:
        """Move the clock, which the loop can only do while it does not do the work itself."""
        begun = asyncio.ensure_future(work)
        while not begun.done():
            await asyncio.sleep(0.01)
            await clock.advance(bounded.PATIENCE_S / 10)
        return await begun

    with pytest.raises(TakesTooLong):
        await time_passes(match(parts, "(a|a)*b", "a" * 64))
    given: dict[str, Any] = {"query": [], "headers": []}
    growing = '#set($a = "xxxxxxxx")' + '#set($a = "$a$a$a$a$a$a$a$a")' * 12 + "$a.length()"
    # Memory may end before time does.
    assert await time_passes(_failure(worker, {"template": growing, "given": given})) in (
        "it takes too long",
        "it needs too much memory",
    )
    # A new process does the next piece.
    assert await match(parts, "(a|b)*", "abab")
    assert not await match(parts, "(a|b", "abab")
    await worker.close()


async def test_the_process_rests_when_there_is_nothing_to_do() -> None:
    clock = FakeClock()
    worker = BoundedWorker(clock)
    parts: Any = _Parts(worker)
    assert await match(parts, "(a|b)*", "ab")
    process = worker._process
    assert process is not None
    await clock.advance(61)
    await asyncio.wait_for(process.wait(), 60)
    assert await match(parts, "(a|b)*", "ab")
    await worker.close()
