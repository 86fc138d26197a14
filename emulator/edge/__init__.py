"""HTTP: listeners, the router, the AWS handler, function URLs, the admin API."""

from emulator.model.lazy import defer_package

# What its package imports beyond the server, a command line and supervisors, nobody here needs.
defer_package("uvicorn")
