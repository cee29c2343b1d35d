"""Jobs on the command line, from documents as the API gives them."""
