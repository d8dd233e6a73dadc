"""Definitions of features, written in sentences and checked when they are made."""

from desist.features.language.definitions import *  # noqa: F403
