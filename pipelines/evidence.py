"""Everything one run found, kept together: what its files and pages are made of."""

from __future__ import annotations

from dataclasses import dataclass

from desist.fairness.audit import Audit
from desist.fairness.policy import Policy
from desist.pipelines.compare import Compared
from desist.pipelines.final import Final
from desist.pipelines.ground import Ground
from desist.pipelines.session import Session
from desist.pipelines.training import Training


@dataclass(frozen=True)
class Evidence:
    """A run before it is written: from what, by whom and under which policy, and what came out."""

    run: str
    trainer: str
    session: Session
    ground: Ground
    training: Training
    compared: Compared
    final: Final
    policy: Policy
    audit: Audit
