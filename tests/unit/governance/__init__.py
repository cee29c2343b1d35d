"""Whether the words and their pure rules hold."""
