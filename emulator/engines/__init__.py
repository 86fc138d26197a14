"""What serves services in our place: attached endpoints, and a library in its own process."""
