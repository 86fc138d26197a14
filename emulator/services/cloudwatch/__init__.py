"""CloudWatch: metrics, and alarms that watch them."""
