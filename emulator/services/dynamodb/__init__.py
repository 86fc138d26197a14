"""DynamoDB: tables on SQLite."""
