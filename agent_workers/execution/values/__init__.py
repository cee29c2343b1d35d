"""Values of users' code and documents: checked, written as JSON, and read strictly."""
