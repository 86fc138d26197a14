"""HTTP and WebSocket APIs (API Gateway v2)."""
