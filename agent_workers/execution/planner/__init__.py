"""Plans: by function, by rule or by model, checked before they are stored. They start nothing themselves."""
