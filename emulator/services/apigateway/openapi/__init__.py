"""OpenAPI 3 and Swagger 2 documents: read into APIs, and written from them."""
