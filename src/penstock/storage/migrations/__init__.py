"""The schema's history, applied by the program itself: alembic's revisions are packaged with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from penstock.storage.errors import SchemaTooNew

_LOCK = 0x70656E73746F636B
"""PostgreSQL's advisory lock for migrations: "penstock" in ASCII."""


def upgrade(engine: sa.Engine) -> None:
    """Apply the revisions that are missing, all in one transaction.

    Raises
    ------
    SchemaTooNew
        The database stands at a revision that this version does not know.
    """
    config = Config()
    config.set_main_option("script_location", "penstock.storage:migrations")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # SQLite's BEGIN IMMEDIATE keeps a second process out already.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        _refuse_newer(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_newer(connection: sa.Connection, script: ScriptDirectory) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise SchemaTooNew(found, str(script.get_current_head()))
