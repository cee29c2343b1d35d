"""What a hostile tenant does to others, in a measurement and in a soak."""
