"""The protocol of one effect: intent, permit, act, evidence. Nothing else lets a tool act."""
