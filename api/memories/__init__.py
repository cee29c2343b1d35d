"""The routes of memories."""
