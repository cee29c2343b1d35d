"""What is remembered: sessions, memories, documents and their vectors."""
