"""TestState, pure: one state, evaluated without an execution.

A service prepares a `Trial`, asks `begin` what the state does first, does a task that has no mock,
and gives its outcome to `conclude`.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""
