"""PartiQL: statements as what the other operations do."""
