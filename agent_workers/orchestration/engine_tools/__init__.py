"""The tools that every agent has: delegate to an agent, await an event, ask a person, sleep."""
