"""What runs sandboxes: one folder for each driver."""
