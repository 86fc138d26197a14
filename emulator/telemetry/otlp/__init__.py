"""OpenTelemetry's protocol (OTLP) over HTTP: traces out to a collector, and in from functions."""
