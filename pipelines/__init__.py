"""The quarterly steps and the command line: settings, clock, tracking server."""
