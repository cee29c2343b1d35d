"""Whether the engine's transactions keep their promises on a real Postgres."""
