"""Whether a model still scores as it did when it was sealed: asked at release and before any estimate."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from desist.fairness.approval import gate
from desist.fairness.approval.candidate import is_model_file
from desist.models.conformance.check import FILE, check_conformance


def conformance_causes(files: Mapping[str, bytes]) -> Iterator[gate.Cause]:
    """A cause for each way in which model, second scorer and stored scores of a candidate's files disagree.

    A candidate without its conformance rows, or whose rows cannot be scored, is one.
    """
    asked = tuple(sorted((name, content) for name, content in files.items() if name == FILE or is_model_file(name)))
    for problem in _problems(asked):
        yield gate.Cause(gate.SUSPENDED, f"the model is not shown to score as it did when it was sealed: {problem}")


@lru_cache(maxsize=2)
def _problems(files: tuple[tuple[str, bytes], ...]) -> tuple[str, ...]:
    """What ``check_conformance`` finds; the same bytes under the same code are scored once a process."""
    with tempfile.TemporaryDirectory(prefix="desist-conformance-") as folder:
        for name, content in files:
            (Path(folder) / name).write_bytes(content)
        return tuple(check_conformance(Path(folder)))
