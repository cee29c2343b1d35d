"""Logs, exit codes and stalls."""
