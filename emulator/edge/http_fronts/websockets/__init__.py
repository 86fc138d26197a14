"""WebSocket APIs: connections whose messages go to functions by their content."""
