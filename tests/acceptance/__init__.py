"""The whole system as a user meets it."""
