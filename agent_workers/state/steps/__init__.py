"""Steps in Postgres: claimed, recorded, parked, swept; permits, evidence and the workers that hold them."""
