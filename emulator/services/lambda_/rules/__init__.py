"""Rules that several resources share: configurations, mappings, policies."""
