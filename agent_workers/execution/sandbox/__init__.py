"""Running code that is not trusted: levels behind one Protocol, each with the same bounds."""
