"""What counts of worlds show of the bounds on detection, and what they cannot; used by label_bias.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy.stats import beta, binom

METRICS = ("fpr", "fnr", "ppv", "base_rate")
LEVEL = 0.95
#: Asked of a width, over the sharp one, and of the share of worlds in which it is so and the truth is held.
NARROW_ENOUGH, MOST_WORLDS = 1.15, 0.95
#: The error, one-sided, with which a share of worlds is called at least, or below, the share asked.
SURENESS = 0.025


@dataclass(frozen=True)
class Cell:
    """So many worlds of one size and metric: held the truth, and was narrow enough as well; widths over sharp."""

    size: tuple[int, int]
    metric: str
    worlds: int
    held: int
    narrow: int = 0
    ratios: tuple[float, ...] = ()
    sharp: tuple[float, ...] = ()

    @property
    def rows(self) -> str:
        return f"{self.size[0]:,}, {self.size[1]:,}"

    @property
    def reached(self) -> bool:
        """Whether the truth was held within 1.15 times the sharp width in 95 % of the worlds counted."""
        return self.narrow >= MOST_WORLDS * self.worlds


def ends(count: int, number: int) -> tuple[float, float]:
    """The share of worlds that what was counted is compatible with (Clopper and Pearson, 95 %)."""
    low = float(beta.ppf(SURENESS, count, number - count + 1)) if count else 0.0
    return low, float(beta.ppf(1 - SURENESS, count + 1, number - count)) if count < number else 1.0


def says(count: int, number: int) -> str:
    """Whether so many worlds show at least 95 %, less, or neither."""
    low, high = ends(count, number)
    told = "below" if high < LEVEL else "at least" if low >= LEVEL else "cannot tell"
    return f"{100 * low:.1f} to {100 * high:.1f} % | {told}"


def in_short(within: Sequence[Cell], known: Sequence[Cell]) -> Iterator[str]:
    """What the tables come to, worked out from them."""
    said = []
    for metric in METRICS:
        mine = [cell for cell in within if cell.metric == metric]
        # Reached from a size on only where every larger one reaches it too.
        from_here = [cell for place, cell in enumerate(mine) if all(one.reached for one in mine[place:])]
        said.append(f"{metric} {f'from {from_here[0].rows} rows' if from_here else 'at none of these sizes'}")
    yield (
        "- **Width.** The truth held *and* a width of at most 1.15 times the sharp one, in 95 % of worlds, is reached "
        f"at these sizes (rows of the group, of others): {'; '.join(said)}. **It is not reached below that**: there "
        "sampling error widens the bounds further, and for a borough's rows it does."
    )
    least = min(cell.held / cell.worlds for cell in within)
    short = [cell for cell in within if ends(cell.held, cell.worlds)[0] < LEVEL]
    told = f"{len(short)} cells cannot show 95 %: {_named(short)}" if short else "every cell shows 95 % or more"
    yield (
        f"- **Detection anywhere in the ranges.** The truth is held in at least {100 * least:.1f} % of "
        f"{within[0].worlds} worlds a cell; {told}."
    )
    below = [cell for cell in known if cell.held < LEVEL * cell.worlds]
    surely = [cell for cell in below if ends(cell.held, cell.worlds)[1] < LEVEL]
    unsure = [cell for cell in known if ends(cell.held, cell.worlds)[0] < LEVEL <= ends(cell.held, cell.worlds)[1]]
    number = known[0].worlds
    yield (
        f"- **Detection known exactly**, so that nothing but sampling error is left. {len(below)} of {len(known)} "
        f"cells are below 95 %: {_named(below) or 'none'}. Beyond chance: {_named(surely) or 'none'}. {number} worlds "
        f"cannot show 95 % where it is 95 %: chance alone then makes {100 * _least(number):.1f} % or more of it. They "
        f"leave open in {len(unsure)} of {len(known)} cells whether it is 95 % or less."
    )


def _named(cells: Sequence[Cell]) -> str:
    return "; ".join(f"{cell.metric} at {cell.rows} ({100 * cell.held / cell.worlds:.1f} %)" for cell in cells)


def _least(worlds: int) -> float:
    """The smallest share that chance makes of 95 % in 39 of 40 counts."""
    return float(binom.ppf(SURENESS, worlds, LEVEL)) / worlds
