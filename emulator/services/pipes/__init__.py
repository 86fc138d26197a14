"""EventBridge Pipes: records of a source, filtered, enriched and handed to a target."""
