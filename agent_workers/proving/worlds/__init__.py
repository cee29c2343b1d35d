"""Random worlds: several faults at once, made smaller until the failure is clear."""
