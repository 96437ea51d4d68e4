"""The use cases, one function each: ``(uow, context, command) -> reply``, run inside one transaction.

Every function refuses first and changes last. What leaves the process (a signature, a transaction) leaves after the
transaction has committed.
"""
