"""API Gateway: REST APIs, their deployments and stages, keys, plans and domain names."""
