"""Tests of the API's own rules, without a server."""
