"""The routes of jobs: submit, read, control, stream, send."""
