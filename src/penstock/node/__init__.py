"""Use cases of a party that runs the service: load, decide with the pure core, save, let effects out."""
