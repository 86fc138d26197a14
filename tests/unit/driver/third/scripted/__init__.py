"""A driver that is one folder and one line in the table."""
