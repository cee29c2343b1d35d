"""What ships for authors of tools."""
