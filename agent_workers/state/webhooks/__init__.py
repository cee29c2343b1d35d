"""Webhooks in Postgres: endpoints, events and the queue of deliveries. Sending is in `execution/webhooks/`."""
