"""The live functions with their versions and aliases."""
