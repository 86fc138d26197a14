"""Metric math: expressions over time series, read once and then computed."""
