"""The embedded library (moto), in a process of its own: for services that nothing else serves."""
