"""Fronts that make an HTTP request an event, and a result a response."""
