"""For proofs: tools whose effects a process outside of everything counts, and where to crash."""
