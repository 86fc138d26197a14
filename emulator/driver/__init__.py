"""Drivers run sandboxes: one folder for each driver, and the languages of their runtimes."""
