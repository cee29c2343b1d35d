"""What people and programs ask for: write it to the database, then ring for it."""
