"""Talks to an emulator from outside: its process, its admin API, the variables SDKs need.

The command line and the pytest plugin stand on it. It imports neither typer nor the emulator.
"""
