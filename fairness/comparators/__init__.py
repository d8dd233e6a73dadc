"""Comparators that need sex or age: age alone, OGRS3, ARP, VRP and SVRP.

They stand beside our models in a benchmark, and nowhere else. Age and sex are protected characteristics, so none of
them is ever released, ever a feature, or ever shown for a person. The published coefficients are not part of this
project: a folder that the caller names holds them. Not an official implementation; not for assessing anybody.
"""

from desist.fairness.comparators.age_only import AgeOnly
from desist.fairness.comparators.load import Instruments, load_instruments
from desist.fairness.comparators.ogrs3 import Ogrs3
from desist.fairness.comparators.predictors import Arp, Predictor, Svrp, Vrp

__all__ = ["AgeOnly", "Arp", "Instruments", "Ogrs3", "Predictor", "Svrp", "Vrp", "load_instruments"]
