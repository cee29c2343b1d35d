"""Webhooks: endpoints, signatures and deliveries."""
