"""AWS Cloud Control API: resources by their types, read as templates know them."""
