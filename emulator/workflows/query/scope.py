"""What an expression sees."""

from collections.abc import Callable
from dataclasses import dataclass

from ..frames import Moment
from ..json_text import Document, Json


# Not frozen, which would double what it costs: an expression makes one each time.
@dataclass(slots=True)
class Scope:
    """What an expression sees.

    Args:
        data: `$` of JSONPath: the input, the parameters, the result … by the field.
        context: `$$`, and `$states.context`.
        variables: `$name`.
        moment: Time and chance.
        states: `$states` of JSONata, without `context`: `input`, `result`, `errorOutput`.
    """

    data: Json
    context: Document
    variables: Document
    moment: Moment
    states: Document | None = None


Query = Callable[[Scope], Json]
"""An expression, prepared."""
