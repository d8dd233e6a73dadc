"""TOML that people write by hand, read whatever editor saved it; what is wrong is said as they can mend it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from desist.records.errors import Refused

#: What word processors put where a straight quote was typed.
CURLY = "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}" + (
    "\N{RIGHT DOUBLE QUOTATION MARK}"
)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; a byte-order mark before it is passed over.

    Raises Refused where it is no UTF-8 or no TOML; OSError, where it cannot be opened, is left to the caller.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 text; save it again with the encoding UTF-8.") from error
    if "\0" in text:  # UTF-16 without its mark
        raise Refused(f"{path} is not UTF-8 text; save it again with the encoding UTF-8.")
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:  # also a whole number of thousands of digits
        curly = any(sign in text for sign in CURLY)
        hint = " It has curly quotes; TOML takes straight ones only, ' or \"." if curly else ""
        raise Refused(f"{path} is not TOML: {error}.{hint} Mend that line and try again.") from error
