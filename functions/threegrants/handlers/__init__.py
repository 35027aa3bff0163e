"""The Lambda functions: they parse an event, call the package that does the work, and respond."""
