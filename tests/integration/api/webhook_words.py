"""What a generator of requests must know of webhooks, and no schema can say."""

from typing import Any


def tell_of_webhooks(schemas: dict[str, Any]) -> None:
    """A URL must lead to where the public can go."""
    url = {"const": "https://hooks.example.com/here"}
    schemas["WebhookEndpointRequest"]["properties"]["url"] = url
    schemas["WebhookEndpointChange"]["properties"]["url"] = {"anyOf": [url, {"type": "null"}]}
    schemas["JobRequest"]["properties"]["callback_url"] = {"type": "null"}
    then = {"const": "2026-01-01T00:00:00Z"}
    span = {"since": then, "until": {"anyOf": [then, {"type": "null"}]}}
    schemas["WebhookSpan"]["properties"] = span
