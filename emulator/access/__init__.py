"""Who may do what: policies and what they add up to. Pure."""
