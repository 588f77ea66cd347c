"""The settings of the database: its name, our account there, and what libpq may not be given."""

import os
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from bluenova_shared.setting_types import OptionalSecret, Text, has_an_account, not_empty


def _a_database(name: str) -> str:
    # libpq takes such a "name" for a connection string, and what it says may override the rest; one
    # without its postgresql:// it would take for a name, and we would log it.
    if "=" in name or "://" in name or has_an_account(name):
        raise ValueError(
            "is a connection string. The server, the account and its password have settings of "
            "their own: PGHOST, PGPORT, PGUSER and PGPASSWORD_FILE"
        )
    return not_empty(name)


# libpq's own variables in which it takes all for one word, and quotes it when it is wrong.
_LIBPQ_QUOTES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE")


class DatabaseSettings(BaseSettings):
    """Which database, and who we are to it. libpq's own variables say the rest."""

    pgdatabase: Annotated[str, AfterValidator(_a_database)] = Field(
        default="homeauto", description="the name of the database"
    )
    pguser: Text = Field(default="homeauto", description="the name of the account in the database")
    pgpassword: OptionalSecret = Field(
        default=None,
        description="the password of that account, or set PGPASSWORD_FILE to a file with it",
        examples=["..."],
    )

    def quoted(self) -> list[str]:
        """Returns what is wrong with libpq's own variables, as a person may be told it."""
        given = {name: os.environ.get(name, "") for name in _LIBPQ_QUOTES}
        found = [name for name, text in given.items() if has_an_account(text) or "=" in text]
        return [
            f"{name} has name:password@ in it, or a =. Set {name} to the server's alone; the "
            "account has settings of its own: PGUSER and PGPASSWORD_FILE."
            for name in found
        ]
