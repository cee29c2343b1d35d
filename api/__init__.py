"""HTTP: a thin layer that accepts, shows and streams jobs. It never imports `execution/`."""
