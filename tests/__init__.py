"""The proof, from pure functions to killed processes."""
