"""KMS: keys that encrypt, sign and authenticate, kept in the store."""
