"""Load balancers: a port each, whose requests go to one function."""
