"""Tools as the router runs them: what is remembered of what they gave."""
