"""Every operation of Hello World: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.service import Operation
from tests.hello_world.state import Greetings


async def delete_greeting(ctx: Context, request: Request) -> Response:
    """Remove a greeting."""
    greetings: Greetings = ctx.state
    if greetings.find(ctx.account, ctx.region, request["Name"]) is None:
        raise _not_found(request["Name"])
    await greetings.delete(ctx.account, ctx.region, request["Name"])
    return {}


async def get_greeting(ctx: Context, request: Request) -> Response:
    """Return a greeting."""
    greetings: Greetings = ctx.state
    found = greetings.find(ctx.account, ctx.region, request["Name"])
    if found is None:
        raise _not_found(request["Name"])
    return found


async def put_greeting(ctx: Context, request: Request) -> Response:
    """Add or replace a greeting."""
    greetings: Greetings = ctx.state
    name = request["Name"]
    greeting = {
        "Arn": f"arn:aws:hello-world:{ctx.region}:{ctx.account}:{name}",
        "Name": name,
        "Text": request["Text"],
        "Changed": ctx.clock.now(),
        "Languages": request.get("Languages", []),
    }
    await greetings.put(ctx.account, ctx.region, name, greeting)
    return greeting


def _not_found(name: str) -> AwsError:
    # The status is the model's.
    return AwsError("GreetingNotFoundException", f"There is no greeting {name}.")


OPERATIONS: dict[str, Operation] = {
    "DeleteGreeting": delete_greeting,
    "GetGreeting": get_greeting,
    "PutGreeting": put_greeting,
}

#: What to say of operations that are not served.
UNSUPPORTED: dict[str, str] = {
    "SingGreeting": "localfaas does not serve SingGreeting: it has no voice.",
}
