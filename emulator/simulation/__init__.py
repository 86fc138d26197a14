"""What if: cold starts, latency and cost under other settings, by a discrete-event model."""
