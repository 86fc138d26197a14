"""localfaas: a local FaaS runtime with a Lambda-compatible invoke API."""

__version__ = "0.2.0"
