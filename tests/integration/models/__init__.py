"""The gateway against servers that speak as providers do."""
