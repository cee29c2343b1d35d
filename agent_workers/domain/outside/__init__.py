"""Calling the outside world: which addresses may be called, and what a request, an answer and an e-mail are."""
