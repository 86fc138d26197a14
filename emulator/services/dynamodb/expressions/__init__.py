"""DynamoDB's expressions: read once, bound to a request's names and values, then evaluated."""
