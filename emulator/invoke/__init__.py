"""From an event to a result: admission, the invoker, asynchronous invokes."""
