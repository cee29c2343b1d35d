"""Tests of the worker's pure parts."""
