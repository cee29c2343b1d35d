"""Pure rules and single parts, without I/O."""
