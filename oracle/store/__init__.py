"""The only SQL: tables, migrations and queries, for SQLite and PostgreSQL alike."""
