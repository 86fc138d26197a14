"""A service to copy: everything that a service of the emulator can have, in its smallest form.

It keeps greetings. What each file is for stands in CONTRIBUTING.md.
"""
