"""The driver whose environments are pods of a Kubernetes cluster."""
