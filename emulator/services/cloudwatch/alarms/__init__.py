"""Alarms: what they say, when they are looked at, and whom they notify."""
