"""The command line. Exit 0: done; 2: a mistake the user can mend, with the mend; 3: withheld by the gate."""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from desist.records.errors import Refused, UserError

app = typer.Typer(
    help="Offender management and reoffending-risk modelling: no estimate without a board's signed release.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-W", help="The partnership's workspace.", show_default="the current folder")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ActorOption = Annotated[
    str, typer.Option("--actor", envvar="DESIST_ACTOR", help="Who is acting, as the log names them (a code, no name).")
]
HERE = Path()
SOMEBODY = "local.user"


def say(text: str) -> None:
    """One line of progress or result, to standard error, so that --json stays clean."""
    typer.echo(text, err=True)


def answer(result: dict[str, Any], words: str, as_json: bool) -> None:
    """The result of a command on standard output: words for a person, or JSON for a script."""
    typer.echo(json.dumps(result, indent=2, sort_keys=True, default=str) if as_json else words)


def ask_password(file: Path | None, whose: str) -> bytes:
    """A password from a file (first line) or from the keyboard, never from the command line."""
    if file is not None:
        try:
            first, *_ = [*file.read_text(encoding="utf-8").splitlines(), ""]
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"The password file {file} cannot be read ({type(error).__name__}).") from error
        if not first:
            raise Refused(f"The first line of {file} is empty; it should be the password of {whose}.")
        return first.encode()
    return str(typer.prompt(f"Password of {whose}", hide_input=True)).encode()


def _register() -> None:
    if app.registered_commands:
        return
    from desist.pipelines import (
        commands_check,
        commands_condition,
        commands_data,
        commands_export,
        commands_gate,
        commands_link,
        commands_link_quality,
        commands_map,
        commands_model,
        commands_policy,
        commands_quarantine,
        commands_region,
        commands_report,
        commands_rights,
        commands_shadow,
        commands_share,
    )

    modules = (
        commands_data, commands_link, commands_model, commands_gate, commands_check, commands_report, commands_share,
        commands_region,
        commands_export, commands_shadow, commands_policy, commands_condition, commands_rights,
        commands_quarantine, commands_map, commands_link_quality,
    )  # fmt: skip
    for module in modules:
        module.add_to(app)


_FREE, _NAME = "Free it, then try again.", "Name another, or put there what is missing, then try again."
#: What a user can settle about a file or folder, and how.
_MENDS = {
    **dict.fromkeys((errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EFBIG), _FREE),
    **dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOENT), _NAME),
}

#: What SQLite says of a disk that is full or cannot be written.
_DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")


def guarded(run: Callable[[], None]) -> int:
    """Run a command; print what a user can settle without a traceback. Returns the exit code."""
    try:
        run()
    except UserError as error:
        say(str(error))
        return error.exit_code
    except OSError as error:
        if error.errno not in _MENDS:
            raise
        say(f"{error.strerror}: {error.filename or 'the disk'}. Nothing half-written was kept. {_MENDS[error.errno]}")
        return UserError.exit_code
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(_DISK):
            raise
        say(f"{error}: a database of the workspace could not be written. Nothing half-written was kept. {_FREE}")
        return UserError.exit_code
    return 0


def main() -> None:
    """Run one command and leave by SystemExit with its exit code."""
    # Small matrices and small trees: more threads than one only wait for one another.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    _register()
    sys.exit(guarded(app))


def run() -> None:
    """Entry point of ``desist``: ``main``, then the end of the process without a library's last word.

    Arrow's threads abort the process (exit 134) in about one of five commands that end soon after reading a file: by
    then the command is done, and a script would take it for failed. Python's own ends (``atexit``) still run.
    """
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            say(ended.code)
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # a reader that has gone away
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    run()
