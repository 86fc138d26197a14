"""How many run at once: reserved, provisioned, scaling, account settings."""
