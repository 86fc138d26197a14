"""Values, errors, limits and the clock: what every floor knows."""
