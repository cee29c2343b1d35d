"""Reading databases that are not ours, for the SQL tool: one bounded, read-only query."""
