"""The repositories of `penstock.node.ports`, each over one connection in one transaction.

Statements are built once, when the module is read; a method only binds values.
"""
