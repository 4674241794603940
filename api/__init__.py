"""The window: what the oracle has stored, as JSON, pages and badges. Read-only."""
