"""Running a whole system on one machine: folder, servers, supervisor. Commands are in `cli/`."""
