"""Step Functions: state machines, their executions, activities."""
