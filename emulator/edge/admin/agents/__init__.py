"""What programs that work on their own use: an MCP endpoint, and a page that tells them how."""
