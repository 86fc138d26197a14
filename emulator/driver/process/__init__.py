"""The process driver: execution environments as processes, without a container engine."""
