"""HTTP APIs: requests by routes to functions, HTTP endpoints and other services."""
