"""EventBridge Scheduler: schedules that call targets at their times."""
