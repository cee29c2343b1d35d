"""The page of the API reference, `/docs`, with everything that it loads; no part of the API itself."""
