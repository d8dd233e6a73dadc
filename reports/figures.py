"""Figures as inline SVG with their text as text. Each comes with the table that says the same.

Written by hand, not by a plotting library: same bytes everywhere, readable by a screen reader, no fonts inside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from desist.reports.pages import COLOURS

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"
INK, QUIET, PAPER, LINE, TINT, DEEP = (
    COLOURS[name] for name in ("ink", "quiet", "paper", "edge", "tint", "depth4")
)


@dataclass(frozen=True)
class Figure:
    """A drawing, the finding its title states, and the table beside it (all cells are text)."""

    title: str
    svg: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dot:
    """One line of a dot-and-interval figure. ``note`` is written beside it; without ``value`` nothing is drawn."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True)
class Mark:
    """One point of a curve, with its range. ``at``: its place across, above 0; ``label`` is written below it."""

    at: float
    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """One curve of a calibration figure: points of (estimate, observed, low, high), all from 0 to 1."""

    label: str
    points: tuple[tuple[float, float, float, float], ...]
    note: str = ""


def dot_figure(
    name: str, title: str, description: str, dots: Sequence[Dot], *, margin: float, axis: str, less: str, more: str
) -> Markup:
    """Each group's gap to everybody else with its range; solid line at no gap, dashed lines at the agreed limits.

    ``name`` makes the ids on the page unique. ``less`` and ``more`` say what the two sides mean.
    """
    label_width, plot_width, note_width, row, top = 170, 390, 150, 30, 44
    width, height = label_width + plot_width + note_width, top + row * len(dots) + 46
    span = _span([*(abs(v) for dot in dots for v in (dot.value, dot.low, dot.high) if v is not None), margin])

    def x(value: float) -> float:
        return label_width + plot_width * (value + span) / (2 * span)

    bottom = top + row * len(dots)
    parts = [_rect(x(-margin), top - 6, x(margin) - x(-margin), bottom - top + 6, TINT)]
    parts += [_line(x(0), top - 6, x(0), bottom, INK, 1.5)]
    parts += [_line(x(limit), top - 6, x(limit), bottom, INK, 1.5, dash="5 4") for limit in (-margin, margin)]
    parts += [_text(x(-span), 16, f"← {less}", "start"), _text(x(span), 16, f"{more} →", "end")]
    parts += [_text(x(0), 32, "agreed limits (dashed)", "middle", QUIET, 12)]
    for k, dot in enumerate(dots):
        parts += _dot_line(dot, top + row * k + row / 2, x, label_width, label_width + plot_width)
    parts += _axis(x, span, bottom)
    parts.append(_text(x(0), bottom + 38, axis, "middle", QUIET, 12))
    return _svg(name, title, description, width, height, parts)


def _dot_line(dot: Dot, y: float, x: object, left: float, right: float) -> list[Markup]:
    """One group's line: label, whisker, dot, note."""
    assert callable(x)
    parts = [_text(left - 12, y + 4, dot.label, "end")]
    if dot.value is None or dot.low is None or dot.high is None:
        return [*parts, _text(right + 10, y + 4, dot.note, "start", QUIET, 12)]
    parts += [_line(x(dot.low), y, x(dot.high), y, DEEP, 2.5)]
    parts += [_line(x(end), y - 5, x(end), y + 5, DEEP, 2.5) for end in (dot.low, dot.high)]
    parts.append(Markup('<circle cx="{}" cy="{}" r="5" fill="{}" stroke="{}" stroke-width="1.5"/>').format(
        _n(x(dot.value)), _n(y), DEEP, PAPER))
    return [*parts, _text(right + 10, y + 4, dot.note, "start", INK, 12)]


def calibration_figure(name: str, title: str, description: str, panels: Sequence[Panel]) -> Markup:
    """A small picture per group: the estimate across, what happened upward, and the line where both agree."""
    across, side, gap, left, top = 3, 176, 44, 44, 40
    rows = -(-len(panels) // across)
    width = left + min(len(panels), across) * (side + gap)
    height = rows * (side + 78) + 22
    parts: list[Markup] = []
    for k, panel in enumerate(panels):
        column, line = k % across, k // across
        parts += _panel(panel, left + column * (side + gap), top + line * (side + 78), side)
    parts.append(_text(4, height - 6, "Across: mean estimate. Upward: share proven to reoffend. "
                                      "Line: both agree.", "start", QUIET, 12))
    return _svg(name, title, description, width, height, parts)


def _panel(panel: Panel, left: float, top: float, side: float) -> list[Markup]:
    parts = [_text(left, top - 22, panel.label, "start", INK, 14, bold=True)]
    parts.append(_text(left, top - 7, panel.note, "start", QUIET, 12))
    parts += [_line(left, top + side, left + side, top + side, LINE, 1), _line(left, top, left, top + side, LINE, 1)]
    parts.append(_line(left, top + side, left + side, top, INK, 1.25, dash="5 4"))
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(left + side * tick, top + side + 16, f"{100 * tick:.0f}%", "middle", QUIET, 11))
        parts.append(_text(left - 5, top + side * (1 - tick) + 4, f"{100 * tick:.0f}%", "end", QUIET, 11))
    for estimate, observed, low, high in panel.points:
        x, ends = left + side * estimate, [top + side * (1 - v) for v in (low, observed, high)]
        parts.append(_line(x, ends[0], x, ends[2], DEEP, 2))
        parts.append(Markup('<circle cx="{}" cy="{}" r="4" fill="{}" stroke="{}" stroke-width="1.25"/>').format(
            _n(x), _n(ends[1]), DEEP, PAPER))
    return parts


def curve_figure(
    name: str, title: str, description: str, marks: Sequence[Mark], *, across: str, upward: str
) -> Markup:
    """A curve through two or more points with their ranges, in order of ``at``; each doubling takes as much room."""
    left, top, plot_width, plot_height = 84, 34, 420, 170
    lows, highs = min(mark.low for mark in marks), max(mark.high for mark in marks)
    edge = 0.08 * max(highs - lows, 1e-9)
    first, last = math.log2(marks[0].at), math.log2(marks[-1].at)

    def x(mark: Mark) -> float:
        return left + 24 + (plot_width - 48) * (math.log2(mark.at) - first) / max(last - first, 1e-9)

    def y(value: float) -> float:
        return top + plot_height * (highs + edge - value) / (highs - lows + 2 * edge)

    bottom = top + plot_height
    parts = [_text(8, 16, upward, "start", QUIET, 12)]
    parts += [_line(left, bottom, left + plot_width, bottom, LINE, 1), _line(left, top, left, bottom, LINE, 1)]
    for value in (lows, (lows + highs) / 2, highs):
        parts.append(_line(left - 4, y(value), left, y(value), LINE, 1))
        parts.append(_text(left - 8, y(value) + 4, f"{value:.3f}", "end", QUIET, 12))
    parts += [_line(x(one), y(one.value), x(other), y(other.value), DEEP, 1.5)
              for one, other in itertools.pairwise(marks)]
    for mark in marks:
        parts += [_line(x(mark), y(mark.low), x(mark), y(mark.high), DEEP, 2)]
        parts.append(Markup('<circle cx="{}" cy="{}" r="4.5" fill="{}" stroke="{}" stroke-width="1.5"/>').format(
            _n(x(mark)), _n(y(mark.value)), DEEP, PAPER))
        parts.append(_text(x(mark), bottom + 18, mark.label, "middle", QUIET, 12))
    parts.append(_text(left + plot_width / 2, bottom + 38, across, "middle", QUIET, 12))
    return _svg(name, title, description, left + plot_width + 24, bottom + 48, parts)


def answer_sign(answer: str) -> Markup:
    """A small sign for an answer: a tick, a cross or an empty ring. The words stand beside it."""
    shapes = {
        "meets": f'<path d="M3 8.5 L6.5 12 L13 4" fill="none" stroke="{INK}" stroke-width="2.5"/>',
        "does_not_meet": f'<path d="M3 3 L13 13 M13 3 L3 13" fill="none" stroke="{INK}" stroke-width="2.5"/>',
        "cannot_be_assessed": f'<circle cx="8" cy="8" r="5.5" fill="none" stroke="{INK}" stroke-width="2" '
                              'stroke-dasharray="3 2.5"/>',
    }
    return Markup('<svg class="sign" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" '
                  f'focusable="false">{shapes[answer]}</svg>')


def _axis(x: object, span: float, bottom: float) -> list[Markup]:
    assert callable(x)
    step = _tick(span)
    count = int(span / step + 1e-9)
    parts = [_line(x(-span), bottom, x(span), bottom, LINE, 1)]
    for k in range(-count, count + 1):
        parts.append(_line(x(k * step), bottom, x(k * step), bottom + 4, LINE, 1))
        words = "no gap" if k == 0 else f"{100 * k * step:+.0f}".replace("-", "\u2212")
        parts.append(_text(x(k * step), bottom + 18, words, "middle", QUIET, 12))
    return parts


def _span(values: Sequence[float]) -> float:
    """Half the width of the axis: a little more than the largest value, at least a hundredth."""
    return max(1.12 * max(values), 0.01)


def _tick(span: float) -> float:
    """The distance of ticks, in hundredths, so that at most four stand on a side."""
    return next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if span / step <= 4.5 or step == 1.0)


def _svg(name: str, title: str, description: str, width: float, height: float, parts: Sequence[Markup]) -> Markup:
    head = Markup(
        '<svg role="img" aria-labelledby="{0}-title {0}-desc" width="{1}" height="{2}" viewBox="0 0 {1} {2}" '
        'font-family="{3}" font-size="13"><title id="{0}-title">{4}</title><desc id="{0}-desc">{5}</desc>'
    ).format(name, _n(width), _n(height), FONT, title, description)
    return head + Markup("").join(parts) + Markup("</svg>")


def _text(
    x: float, y: float, words: str, anchor: str, colour: str = INK, size: int = 13, *, bold: bool = False
) -> Markup:
    weight = Markup(' font-weight="600"') if bold else Markup("")
    return Markup('<text x="{}" y="{}" text-anchor="{}" fill="{}" font-size="{}"{}>{}</text>').format(
        _n(x), _n(y), anchor, colour, size, weight, escape(words))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: str = "") -> Markup:
    dashes = Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}"{}/>').format(
        _n(x1), _n(y1), _n(x2), _n(y2), colour, _n(width), dashes)


def _rect(x: float, y: float, width: float, height: float, colour: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>').format(
        _n(x), _n(y), _n(width), _n(height), colour)


def _n(number: float) -> str:
    """A coordinate to a tenth of a pixel, so that the last bits of a sum don't change the bytes."""
    return f"{round(number, 1) + 0.0:g}"
