"""What the Python bootstrap is made of. Behaves as AWS's own ``awslambdaric`` does."""
