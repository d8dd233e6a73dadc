"""The small language of a spec's ``where`` and ``[derive]`` lines: comparisons and sums over columns, and nothing else.

An expression is written in Python's grammar, parsed with ``ast``, and walked by the code below, which knows only what
is listed here: it is never handed to ``eval``, has no attributes, no loops, no imports and no functions but FUNCTIONS.

    abs(days_b_screening_arrest) <= 30 and c_charge_degree != 'O'
    screened < date('2014-04-01')
    district is missing
    release_type in ['Parole', 'Parole Granted']

Missing is an answer of its own (three-valued, as in SQL): a comparison with a missing value is missing, ``not`` of it
too, and a row filter keeps only the rows where the answer is a plain yes.

Each value carries whether it says *when* (``calendar``): a column of dates does, and so does one of years; one such
column less another, or compared with another, does not; set against a written date it still does. That is how a
calendar date is refused as a feature in whatever disguise.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NUMBER, TEXT, YES_NO, DATE = "number", "text", "yes/no", "date"
LONGEST = 2000  # characters; a longer one is a programme, and belongs in a file that makes the table
DEEPEST = 60


class ExpressionError(ValueError):
    """An expression that cannot be read or worked out; the message says which part."""


@dataclass(frozen=True)
class Value:
    """A column or a written value: what kind it is, and whether it tells the calendar date of the row."""

    kind: str
    data: Any  # a Series (float64, str, boolean, datetime64) or one written value
    calendar: bool = False

    @property
    def written(self) -> bool:
        return not isinstance(self.data, pd.Series)

    @property
    def series(self) -> pd.Series[Any]:
        """The column; a written value is none."""
        assert isinstance(self.data, pd.Series)
        return self.data


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, its tree and the columns it reads."""

    text: str
    tree: ast.expr
    columns: frozenset[str]

    def value(self, columns: Mapping[str, Value]) -> Value:
        """The expression worked out over ``columns``. Raises ExpressionError for kinds that do not go together."""
        return _value(self.tree, columns)

    def rows(self, columns: Mapping[str, Value], length: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The rows where the answer is yes; no and missing both leave a row out."""
        answer = self.value(columns)
        if answer.kind != YES_NO:
            raise ExpressionError(f"it gives a {answer.kind} and not yes or no")
        if answer.written:
            return np.full(length, bool(answer.data))
        return np.asarray(answer.data.fillna(False).to_numpy(dtype=bool))


def parse(text: str) -> Expression:
    """The expression in ``text``. Raises ExpressionError for anything outside the language."""
    if len(text) > LONGEST:
        raise ExpressionError(f"it has {len(text)} characters, more than {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        found: set[str] = set()
        _check(tree, found, 0)
    except SyntaxError as error:
        raise ExpressionError(f"it cannot be read at character {error.offset}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError("it cannot be read") from None
    return Expression(text.strip(), tree, frozenset(found))


def _check(node: ast.AST, found: set[str], depth: int) -> None:
    """Refuse every piece of grammar that the language does not have; collect the columns named."""
    if depth > DEEPEST:
        raise ExpressionError("it is nested too deeply")
    match node:
        case ast.Constant(value=bool() | float() | str()):
            return
        case ast.Constant(value=int() as written) if abs(written) < 2**53:
            return
        case ast.Name(id=name):
            found.add(name)
            return
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=part):
            parts = [part]
        case ast.BinOp(left=left, right=right, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.FloorDiv()):
            parts = [left, right]
        case ast.Compare():
            parts = _parts_of_comparison(node)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            parts = args
        case ast.Call(func=ast.Name(id=name)):
            raise ExpressionError(f"{name} is not a function here; there are {', '.join(sorted(FUNCTIONS))}")
        case _:
            raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language")
    for part in parts:
        _check(part, found, depth + 1)


def _parts_of_comparison(node: ast.Compare) -> list[ast.expr]:
    """The operands, without the word ``missing`` of ``x is missing``."""
    parts = [node.left]
    for op, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Name) and right.id == "missing"):
                raise ExpressionError("'is' goes only with the word missing; write == for equal")
            continue
        if isinstance(op, ast.In | ast.NotIn):
            listed = right.elts if isinstance(right, ast.List | ast.Tuple) else []
            if not listed or not all(isinstance(_plain(part), ast.Constant) for part in listed):
                raise ExpressionError("'in' wants a list of written values: x in ['A', 'B']")
        parts.append(right)
    return parts


def _plain(node: ast.expr) -> ast.expr:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node


# --- working it out ---------------------------------------------------------------------------------------------


def _value(node: ast.expr, columns: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=bool() as written):
            return Value(YES_NO, written)
        case ast.Constant(value=str() as written):
            return Value(TEXT, written)
        case ast.Constant(value=written):
            return Value(NUMBER, float(written))  # type: ignore[arg-type]
        case ast.Name(id=name):
            if name not in columns:
                raise ExpressionError(f"there is no column {name!r}")
            return columns[name]
        case ast.BoolOp(op=op, values=parts):
            return _both(op, [_as_kind(_value(part, columns), YES_NO, "and/or") for part in parts])
        case ast.UnaryOp(op=ast.Not(), operand=part):
            asked = _as_kind(_value(part, columns), YES_NO, "not")
            return Value(YES_NO, (not asked.data) if asked.written else ~asked.data, asked.calendar)
        case ast.UnaryOp(operand=part):
            asked = _as_kind(_value(part, columns), NUMBER, "minus")
            return Value(NUMBER, -asked.data, asked.calendar)
        case ast.BinOp(left=left, op=op, right=right):
            return _sum(op, _value(left, columns), _value(right, columns))
        case ast.Compare():
            return _comparison(node, columns)
        case ast.Call(func=ast.Name(id=name), args=args):
            try:
                return FUNCTIONS[name](*[_value(part, columns) for part in args])
            except TypeError:
                raise ExpressionError(f"{name} got {len(args)} values, which is not how many it takes") from None
    raise ExpressionError("a list goes only after 'in'")


def _as_kind(value: Value, kind: str, what: str) -> Value:
    if value.kind != kind:
        raise ExpressionError(f"{what} wants a {kind} and got a {value.kind}")
    return value


def _both(op: ast.boolop, parts: list[Value]) -> Value:
    join = operator.and_ if isinstance(op, ast.And) else operator.or_
    answer = parts[0]
    for part in parts[1:]:
        answer = Value(YES_NO, join(answer.data, part.data), answer.calendar or part.calendar)
    return answer


def _tells_when(left: Value, right: Value) -> bool:
    """One date less another, or before another, is no date; a date against anything written still is."""
    return left.calendar != right.calendar


SUMS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def _sum(op: ast.operator, left: Value, right: Value) -> Value:
    calendar = _tells_when(left, right) if isinstance(op, ast.Sub) else left.calendar or right.calendar
    if left.kind == DATE and right.kind == DATE and isinstance(op, ast.Sub):
        gap = left.data - right.data
        days = gap.days if left.written and right.written else gap.dt.total_seconds() / 86_400
        return Value(NUMBER, days, calendar)
    _as_kind(left, NUMBER, "a sum")
    _as_kind(right, NUMBER, "a sum")
    if left.written and right.written and right.data == 0 and isinstance(op, ast.Div | ast.FloorDiv):
        raise ExpressionError("it divides by zero")
    with np.errstate(divide="ignore", invalid="ignore"):
        answer = SUMS[type(op)](left.data, right.data)
    if isinstance(answer, pd.Series):
        answer = answer.where(np.isfinite(answer))  # a division by zero has no answer: missing
    return Value(NUMBER, answer, calendar)


COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _comparison(node: ast.Compare, columns: Mapping[str, Value]) -> Value:
    """``a < b <= c`` is ``a < b and b <= c``, as in mathematics."""
    answers = []
    left = _value(node.left, columns)
    for op, other in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, ast.Is | ast.IsNot):
            answers.append(_is_missing(left, isinstance(op, ast.IsNot)))
            continue
        if isinstance(op, ast.In | ast.NotIn):
            listed = [_value(part, columns) for part in other.elts]  # type: ignore[attr-defined]
            answers.append(_in_list(left, listed, isinstance(op, ast.NotIn)))
            continue
        right = _value(other, columns)
        answers.append(_compared(op, left, right))
        left = right
    return _both(ast.And(), answers)


def _compared(op: ast.cmpop, left: Value, right: Value) -> Value:
    if left.kind != right.kind:
        raise ExpressionError(f"it compares a {left.kind} with a {right.kind}")
    if left.kind in (TEXT, YES_NO) and not isinstance(op, ast.Eq | ast.NotEq):
        raise ExpressionError(f"a {left.kind} can be equal or not equal, nothing else")
    calendar = _tells_when(left, right)
    answer = COMPARISONS[type(op)](left.data, right.data)
    if left.written and right.written:
        return Value(YES_NO, bool(answer), calendar)
    return Value(YES_NO, _masked(answer, left, right), calendar)


def _masked(answer: pd.Series[Any], *values: Value) -> pd.Series[Any]:
    """The answers, missing wherever one of the values is."""
    unknown = np.zeros(len(answer), dtype=bool)
    for value in values:
        if not value.written:
            unknown |= value.data.isna().to_numpy()
    given = answer.fillna(False).to_numpy(dtype=bool)
    return pd.Series(pd.arrays.BooleanArray(given.copy(), unknown), index=answer.index)


def _is_missing(value: Value, inverted: bool) -> Value:
    if value.written:
        raise ExpressionError("a written value is never missing")
    answer = value.data.notna() if inverted else value.data.isna()
    return Value(YES_NO, answer.astype("boolean"), False)  # whether a date is known does not tell the date


def _in_list(value: Value, listed: list[Value], inverted: bool) -> Value:
    for item in listed:
        if item.kind != value.kind:
            raise ExpressionError(f"it looks for a {item.kind} among values that are each a {value.kind}")
    if value.written:
        raise ExpressionError("'in' wants a column on its left")
    answer = value.data.isin([item.data for item in listed])
    return Value(YES_NO, _masked(~answer if inverted else answer, value), value.calendar)


# --- functions --------------------------------------------------------------------------------------------------


def _number_function(name: str, work: Callable[[Any], Any]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        _as_kind(value, NUMBER, name)
        with np.errstate(divide="ignore", invalid="ignore"):
            answer = work(value.data)
        if isinstance(answer, pd.Series):
            answer = answer.where(np.isfinite(answer))
        return Value(NUMBER, answer if isinstance(answer, pd.Series) else float(answer), value.calendar)

    return apply


def _date(value: Value, layout: Value | None = None) -> Value:
    """A date from text, ISO unless a layout such as '%d/%m/%Y' is given; text that is no such date is an error."""
    if value.kind == DATE:
        return value
    _as_kind(value, TEXT, "date")
    form = "ISO8601" if layout is None else str(layout.data)
    if value.written:
        try:
            return Value(DATE, pd.to_datetime(value.data, format=form), False)
        except ValueError:
            raise ExpressionError(f"{value.data!r} is not a date; write it as date('2014-04-01')") from None
    dates = pd.to_datetime(value.data, format=form, errors="coerce")
    unreadable = int((dates.isna() & value.data.notna()).sum())
    if unreadable:
        raise ExpressionError(f"{unreadable} values are not dates laid out as {form}")
    return Value(DATE, dates, True)


def _number(value: Value) -> Value:
    """A number from text such as '1,250' or '£3.50'; text that is no number is an error, never zero."""
    if value.kind == NUMBER:
        return value
    if value.kind == YES_NO:
        return Value(
            NUMBER, float(value.data) if value.written else value.data.astype("Float64").astype(float), value.calendar
        )
    _as_kind(value, TEXT, "number")
    if value.written:
        raise ExpressionError("write a number without quotes")
    cleaned = value.data.str.replace(r"[\s,£$€]", "", regex=True)
    numbers = pd.to_numeric(cleaned, errors="coerce")
    unreadable = int((numbers.isna() & value.data.notna()).sum())
    if unreadable:
        raise ExpressionError(f"{unreadable} values are not numbers")
    return Value(NUMBER, numbers.astype(float), value.calendar)


def _text_function(name: str, work: Callable[[Any], Any]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        _as_kind(value, TEXT, name)
        return Value(TEXT, work(value.data) if value.written else work(value.data.str), value.calendar)

    return apply


def _starts_with(value: Value, beginning: Value) -> Value:
    _as_kind(value, TEXT, "starts_with")
    if value.written or not beginning.written or beginning.kind != TEXT:
        raise ExpressionError("starts_with wants a column and a written text")
    return Value(YES_NO, _masked(value.data.str.startswith(beginning.data), value), value.calendar)


def _choose(asked: Value, yes: Value, no: Value) -> Value:
    """``yes`` where the answer is yes, ``no`` where it is no, missing where it is missing."""
    _as_kind(asked, YES_NO, "choose")
    if yes.kind != no.kind or yes.kind not in (NUMBER, TEXT) or asked.written:
        raise ExpressionError("choose wants a condition and two numbers or two texts")
    index = asked.data.index
    first, second = (value.data if not value.written else pd.Series(value.data, index=index) for value in (yes, no))
    chosen = first.where(asked.data.fillna(False).astype(bool), second)
    return Value(yes.kind, chosen.where(asked.data.notna().to_numpy()), asked.calendar or yes.calendar or no.calendar)


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "abs": _number_function("abs", np.abs),
    "log1p": _number_function("log1p", np.log1p),
    "sqrt": _number_function("sqrt", np.sqrt),
    "floor": _number_function("floor", np.floor),
    "number": _number,
    "date": _date,
    "lower": _text_function("lower", lambda text: text.lower()),
    "strip": _text_function("strip", lambda text: text.strip()),
    "starts_with": _starts_with,
    "choose": _choose,
}
