"""The endpoints, one module for each tag of the OpenAPI document."""
