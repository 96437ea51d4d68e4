"""The node over HTTP: request to command, reply to JSON, error to problem document; nothing is decided here."""
