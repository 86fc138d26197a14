"""Figures for Prometheus. Nothing is counted until they are asked for the first time."""
