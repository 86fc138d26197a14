"""What tasks do: functions, activities, integrations of services."""
