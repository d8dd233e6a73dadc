"""What tests of the gate share: a call that it withholds, with the causes."""

import datetime as dt

import pytest

from desist.records.errors import Withheld

DAY = dt.timedelta(days=1)


def _withheld(call, *texts, state=None):
    with pytest.raises(Withheld) as caught:
        call()
    told = "\n".join(caught.value.causes)
    for text in texts:
        assert text in told, told
    if state:
        assert caught.value.state == state, (caught.value.state, told)
    assert caught.value.exit_code == 3
    return caught.value
