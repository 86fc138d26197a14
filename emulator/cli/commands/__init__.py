"""The commands: one module each, with a function (or a group of commands) of the module's name.

:data:`emulator.cli.application.COMMANDS` lists them; a module is imported when its command runs.
"""
