"""What buckets tell of their objects: to queues, topics, functions and EventBridge.

An event is a row of the database that holds the object, written in the same commit. From there it
goes to the outbox, and is removed once that has kept it; so it outlives a crash at any point.
"""
