"""IAM: a registry of users, groups, roles and policies. Nobody is refused."""
