"""The sandbox against programs that want out."""
