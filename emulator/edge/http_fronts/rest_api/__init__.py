"""REST APIs of API Gateway: from HTTP to a method, and back."""
