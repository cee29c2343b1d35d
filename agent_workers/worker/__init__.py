"""One process that does steps: deliveries, keeper and timers. What follows a step is decided in `orchestration/`."""
