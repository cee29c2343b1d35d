"""Random worlds: several faults at once, reduced until the failure is clear."""
