"""The admin API's view of the timeline (docs/timeline.md)."""
