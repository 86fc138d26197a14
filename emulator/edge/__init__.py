"""HTTP: listeners, the router, the AWS handler, function URLs, the admin API."""
