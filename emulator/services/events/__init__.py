"""EventBridge: buses, rules, archives, connections and API destinations."""
