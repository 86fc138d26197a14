"""How versions become ready to run: their states, and Managed Instances."""
