"""Everything one run found, kept together: what its files and pages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from desist.fairness.audit import Audit
from desist.fairness.policy import Policy
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.judging.refits import Refits
from desist.models.judging.stability import Stability, stability_of
from desist.models.judging.uncertainty import Ranges
from desist.pipelines.annex import Annex
from desist.pipelines.audited import Final
from desist.pipelines.compare import Compared
from desist.pipelines.ground import Ground
from desist.pipelines.recipes import CARD, TREES
from desist.pipelines.scrutiny_run import Scrutinised
from desist.pipelines.session import Session
from desist.pipelines.shared_candidate import FromShared
from desist.pipelines.training import Training


@dataclass(frozen=True)
class Evidence:
    """A run before it is written: from what, by whom and under which policy, and what came out.

    ``beside``: the card and the trees fitted on the same rows for the board's and the analyst's pages, by name.
    ``refits``: the chosen recipe fitted anew on people drawn again, which tell how steady a reason is.
    ``shared``: where the model came from another partnership.
    ``ranges``: how surely the rate behind each score is known. ``region``: the bytes of a region's pack about the
    model.
    """

    run: str
    trainer: str
    session: Session
    ground: Ground
    training: Training
    compared: Compared
    final: Final
    beside: Mapping[str, Calibrated]
    refits: Refits
    ranges: Ranges
    annex: Annex
    shared: FromShared | None
    policy: Policy
    audit: Audit
    scrutiny: Scrutinised
    region: bytes | None = None

    @property
    def chosen(self) -> str:
        """The name of the model that would be released."""
        return self.final.audited.name

    @property
    def fitted(self) -> Mapping[str, Calibrated]:
        """The models that this run's learners taught and that may be released, by name."""
        made = {**self.beside, self.chosen: self.final.audited.model}
        return {name: model for name, model in made.items() if name in self.compared.models}

    @cached_property
    def stability(self) -> Stability | None:
        """How steady the points are over the refits; None where the model is no points card, or came from elsewhere."""
        model, learnt = self.final.audited.model, self.training.learnt
        if not isinstance(model.model, PointsCard) or self.shared is not None:
            return None
        return stability_of(model, self.refits.models, learnt, cut_offs=self.policy.cut_offs.steps)

    @property
    def card(self) -> Calibrated:
        """The points card of the run: the file that would be released, or one fitted beside it."""
        return self.beside.get(CARD, self.final.model)

    @property
    def trees(self) -> MonotoneBoosting | None:
        """The boosted trees of the run, for the analyst's figures; None where nothing was fitted."""
        found = self.beside.get(TREES, self.final.model).model
        return found if isinstance(found, MonotoneBoosting) else None
