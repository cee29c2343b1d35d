"""Reading requests and writing replies: bodies, queries, cursors, problems. It knows no route."""
