"""Plans: by function, by rule or by model, checked before they are stored. What runs next is decided in `orchestration/`."""
