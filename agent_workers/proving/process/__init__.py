"""A worker under trial: started by fork, stopped at a crash point."""
