"""Who may call an API: functions that are asked, tokens that are checked, signed requests."""
