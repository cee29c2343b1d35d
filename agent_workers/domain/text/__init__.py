"""Text and bytes: encoding, strict JSON, redaction, and what may be printed."""
