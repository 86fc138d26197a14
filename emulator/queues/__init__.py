"""The durable queue engine: queues that acknowledge a message once it is on the disk."""
