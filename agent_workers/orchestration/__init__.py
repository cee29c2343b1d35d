"""Deciding: the rules of a job, and the one loop that claims, does and records. It opens no transaction itself."""
