"""HTTP and mail to checked addresses only, within bounds of time and size. The tools are in `execution/tools/builtin/`."""
