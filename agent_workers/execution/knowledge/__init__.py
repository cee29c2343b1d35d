"""Reading files of several kinds as documents: text, Markdown, HTML and PDF."""
