"""Fronts: they turn an HTTP request into an event, and a result into a response."""
