"""When schedules are due: at, rate and cron expressions as AWS has them, and one heap of timers.

All but :mod:`emulator.schedules.timers` is pure: instants are handed in, and next ones returned.
"""
