"""``@connections``: functions speak to the clients of WebSocket APIs."""
