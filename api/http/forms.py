"""Which letters names may have: as a pattern for programs, and in words for people."""

# Names that stand in paths; users are named as their own system names them.
SESSION_FORM = r"^[A-Za-z0-9][A-Za-z0-9._:~@-]{0,199}$"
USER_FORM = r"^[!-~]{1,200}$"
MCP_SERVER_FORM = "^[a-z][a-z0-9_-]{0,23}$"
# What every provider takes for the name of a tool.
TOOL_FORM = r"^[A-Za-z0-9_-]{1,64}$"

IN_WORDS = {
    SESSION_FORM: "must be 1 to 200 letters, digits and . _ : ~ @ - and begin with a letter or digit",
    USER_FORM: "must be 1 to 200 visible ASCII characters without a space",
    TOOL_FORM: "must be 1 to 64 letters, digits, _ and -",
}
