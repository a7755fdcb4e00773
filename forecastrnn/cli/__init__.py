"""The command line: files in, files out, and an exit code that says what went wrong."""
