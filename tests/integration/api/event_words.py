"""What only a live server knows of triggers, for whoever makes them up from the document."""

from typing import Any

from tests.integration.api.live import AGENT


# Any: the schemas of a document.
def tell_of_triggers(schemas: dict[str, Any]) -> None:
    """There is one agent, and no schema can say which texts are conditions."""
    for name in ("TriggerRequest", "TriggerChange"):
        members = schemas[name]["properties"]
        members["agent"] = {"const": AGENT}
        del members["where"]
