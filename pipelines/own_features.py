"""The register of a workspace: the standard one, with the features of its features.toml where it has that file."""

from __future__ import annotations

from desist.features.own_features import register_with
from desist.features.register import Register
from desist.features.standard_features import standard_register
from desist.features.written import read_toml
from desist.records.errors import Refused
from desist.records.workspace import Workspace

#: What `desist init` puts into a new workspace: nothing but comments, so that the register is the standard one.
TEMPLATE = """# This partnership's own features, beside those of the standard register. See docs/features.md.
#
# A new or changed feature changes the register: releases made before are withheld until a model has been trained with
# it, audited and signed again. Check it first:
#
#     desist check definitions -W .
#     desist report features -W .
#
# Remove the # in front of the lines below, and mend them.

# [[feature]]
# name = "recent_share_of_offences"
# definition = 'count(offences, within="1y") / count(offences, within="5y")'
# family = "pace of offending"     # features of one family share how far they may look back
# justification = "Offending that is speeding up is linked with proven reoffending; it falls as time passes."
# raises = "share of the last 5 years' proven offences that fell in the last year: {value}"
# lowers = "share of the last 5 years' proven offences that fell in the last year: {value}"
# sign = 0                         # 1: more may only raise the estimate, -1: more may only lower it, 0: either
# kind = "history"                 # or "can change"
# unit = ""                        # these five lines may be left out
# missing_as = 0                   # the value scored where it is missing
# when_missing = ""                # what missing means, if the definition's own words don't say it
# help_seeking = false             # true for treatment, support, programmes, housing: sign -1 and missing_as 0
# enforcement = false              # true where it follows how closely a person is watched

# [lookback]                       # how far a family of your own may look back; 10 years unless it says less
# "pace of offending" = "5y"
"""


def register_of(workspace: Workspace) -> Register:
    """The standard register, with the workspace's own features. Raises Refused with every problem in its file."""
    path = workspace.features
    try:
        content = read_toml(path)
    except FileNotFoundError:
        return standard_register()
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror or error}).") from error
    return register_with(content, path.name) if content else standard_register()


def register_to_read_with(workspace: Workspace) -> tuple[Register, str]:
    """The workspace's register; where its file is broken the standard one, and what is wrong with the file.

    For what goes on while estimates are withheld: pages without them, support waiting, checks of what is kept.
    """
    try:
        return register_of(workspace), ""
    except Refused as refusal:
        return standard_register(), " ".join([refusal.message, *(f"{problem}" for problem in refusal.problems)])
