"""The rules of circuit breakers, and a store of them in memory. The shared store is in `state/catalogue/`."""
