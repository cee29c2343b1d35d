"""Running Python code in a sandbox: CPython, WebAssembly, Monty or a container."""
