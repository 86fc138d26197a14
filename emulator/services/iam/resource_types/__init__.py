"""IAM's resource types in templates, by what they are about."""
