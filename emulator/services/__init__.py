"""The AWS services: one folder each, and the table that finds them."""
