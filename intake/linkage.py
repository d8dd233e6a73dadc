"""Linking people lives in ``desist.intake.linking``; these names stay for who imports them from here."""

from desist.intake.linking.join import join
from desist.intake.linking.report import LinkReport
from desist.intake.linking.run import link

__all__ = ["LinkReport", "join", "link"]
