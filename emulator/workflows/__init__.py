"""The Amazon States Language, pure: no I/O, no clock of its own, no asyncio.

`compile_definition` (program.py) checks a definition once and prepares its states. What an
execution then does is decided by `enter`, `leave` and `failed` (decide.py): from a state, a
`Frame` (its input, the context object, the variables) and a `Moment` (time and chance) to an
`Effect`, which an engine carries out and keeps.

https://states-language.net/spec.html, https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""
