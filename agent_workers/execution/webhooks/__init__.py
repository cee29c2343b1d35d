"""Sending webhooks: to checked addresses only, within bounds of time and size. The queue is in `state/webhooks/`."""
