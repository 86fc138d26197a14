"""What is told of invocations: log groups, platform lines, reports."""
