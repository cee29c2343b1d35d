"""Tests of how documents are read and cut into chunks."""
