"""`agent-workers webhooks`: endpoints and deliveries."""
