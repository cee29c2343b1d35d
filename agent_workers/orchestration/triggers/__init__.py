"""From an event to the jobs that it starts: matching, templates, bounds. Storing them is in `state/triggers/`."""
