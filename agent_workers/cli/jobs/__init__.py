"""Jobs on the command line: submitted, shown, followed and controlled over HTTP."""
