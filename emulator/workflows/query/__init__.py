"""The two query languages: JSONPath with intrinsic functions, and JSONata."""
