"""The pages: one module each, with a function that answers a request."""
