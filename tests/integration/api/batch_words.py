"""What a generator of requests must know of batches, and no schema can say."""

from typing import Any

from tests.integration.api.live import AGENT


def tell_of_batches(schemas: dict[str, Any]) -> None:
    agent = {"const": AGENT}
    schemas["BatchJob"]["properties"]["agent"] = agent
    # An id that is left out is the item's place, which another item may have as its id.
    schemas["BatchJob"]["properties"].pop("custom_id")
    # What items take from their template decides whether they are whole.
    items = schemas["BatchItemRequest"]["properties"]
    items.pop("custom_id")
    items["agent"] = agent
    template = schemas["BatchTemplate"]
    template["properties"]["agent"] = agent
    template["required"] = ["agent", "input"]
