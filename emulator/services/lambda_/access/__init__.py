"""Who may call: resource policies, other accounts, function URLs."""
