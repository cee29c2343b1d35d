"""The command `agent-workers`: one module or folder for each noun. Running a whole system is in `local/`."""
