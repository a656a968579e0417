"""What the Makefile runs: installing, the development servers, the production server, the checks."""
