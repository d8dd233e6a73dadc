"""A definition written as text, read without running it: ``count(offences.where(violent), within="2y")``.

The text is Python's own syntax, taken apart by its parser, and only the few things a definition is made of are
followed: words of the language, names of the vocabulary, fields, conditions, + - * /, numbers and text. Anything else
is refused with its place. Nothing in the text is ever executed, and no attribute is looked up by Python.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import operator
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from desist.features.language import WORDS
from desist.features.language.definitions import Definition
from desist.features.rows import OPERATORS, Condition, Field, Rows
from desist.records.errors import Problem, Refused

#: Longer texts, and deeper ones, are refused before they cost anything; the longest of our own has 150 characters.
LONGEST_TEXT = 4000
DEEPEST = 40
LARGEST_NUMBER = 1e12
_SHOWN = 200
_ARITHMETIC: Mapping[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
#: What may be asked of rows, of a field and of a definition.
_METHODS: Mapping[type, tuple[str, ...]] = {Rows: ("where",), Field: OPERATORS, Definition: ("at_least", "at_most")}
#: What people try, and how it is said here.
_INSTEAD: Mapping[type, str] = {
    ast.Compare: "Compare with .at_least(number) or .at_most(number).",
    ast.BoolOp: "Give .where(...) several conditions; for 'or', use one_of(...) or two definitions.",
    ast.IfExp: "Choose with where(test, then, otherwise).",
    ast.Subscript: "Name a field after a full stop, such as offences.severity.",
}


def parse_definition(text: str, vocabulary: Mapping[str, Rows | Field]) -> Definition:
    """The definition that ``text`` writes, with the tables and fields named in ``vocabulary``.

    Raises Refused with one problem: what was found at which column, what was expected, and a near name if there is one.
    """
    if not isinstance(text, str) or not text.strip():
        raise Refused("A definition is a text such as 'count(offences, within=\"2y\")'; found none.")
    if len(text) > LONGEST_TEXT:
        raise Refused(
            f"A definition has at most {LONGEST_TEXT:,} characters; found {len(text):,}, "
            f"beginning {text[:40]!r}. Write it as several features."
        )
    one_line = " ".join(text.split("\n")).strip()
    reader = _Reader(one_line, vocabulary)
    found = reader.read(_tree(one_line, reader))
    if not isinstance(found, Definition):
        raise reader.refusal(None, _said(found), "a definition", "Say what to measure, such as count(offences).")
    return found


def _tree(text: str, reader: _Reader) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape in a text is no business of the analyst's screen
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        column = min(error.offset or 1, len(text))
        found = f"{text[max(column - 1, 0) :][:20]!r} ({error.msg})"
        raise reader.refusal_at(column, found, "a whole definition", "Check brackets, commas and quotes.") from None
    except (ValueError, RecursionError, MemoryError):
        raise reader.refusal(None, "too many signs or brackets", "a definition", "Simplify it.") from None


class _Reader:
    """Reads one text; knows where in it every mistake lies."""

    def __init__(self, text: str, vocabulary: Mapping[str, Rows | Field]) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.depth = 0
        self.readers: Mapping[type, Callable[[Any], Any]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.BinOp: self._arithmetic,
            ast.UnaryOp: self._signed,
        }

    def read(self, node: ast.expr) -> Any:
        """Rows, a field, a condition, a definition, a number or a text."""
        if type(node) not in self.readers:
            what = "words of the language, names of the vocabulary, numbers and text"
            remedy = _INSTEAD.get(type(node), "Write it with the functions of the language.")
            raise self.refusal(node, self._source(node), what, remedy)
        if self.depth >= DEEPEST:
            raise self.refusal(node, f"more than {DEEPEST} levels", "a shorter definition", "Write several features.")
        self.depth += 1
        found = self.readers[type(node)](node)
        self.depth -= 1
        return found

    def _constant(self, node: ast.Constant) -> float | str:
        value = node.value
        if isinstance(value, str):
            return value
        # Infinity is larger too; True is an int to Python and no number to an analyst.
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER:
            return float(value)
        raise self.refusal(node, self._source(node), "a number or a text in quotes", "Mend it.")

    def _name(self, node: ast.Name) -> Rows | Field:
        if node.id in self.vocabulary:
            return self.vocabulary[node.id]
        if node.id in WORDS:
            raise self.refusal(node, f"{node.id!r}", f"{node.id}(...)", "It is a function: say what it is of.")
        remedy = near(node.id, [*self.vocabulary, *WORDS]) or f"Known are {', '.join(sorted(self.vocabulary))}."
        raise self.refusal(node, f"{node.id!r}", "a name of the vocabulary", remedy)

    def _attribute(self, node: ast.Attribute) -> Field:
        of = self.read(node.value)
        if not isinstance(of, Rows) or node.attr == "where":
            raise self._no_method(node, of)
        if node.attr.startswith("_"):
            raise self.refusal(node, f"{node.attr!r}", f"a field of {of.contract.name}", "No field begins with _.")
        made: Field = self._made(node, lambda: of.field(node.attr))
        return made

    def _call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name):
            name = node.func.id
            if name not in WORDS:
                remedy = near(name, WORDS) or f"The functions are {', '.join(sorted(WORDS))}."
                raise self.refusal(node, f"{name!r}", "a function of the language", remedy)
            return self._called(node, name, WORDS[name])
        if not isinstance(node.func, ast.Attribute):
            raise self.refusal(node, self._source(node.func), "a function of the language", "Name one.")
        of, asked = self.read(node.func.value), node.func.attr
        kind = next((kind for kind in _METHODS if isinstance(of, kind)), None)
        if kind is None or asked not in _METHODS[kind]:
            raise self._no_method(node.func, of)
        return self._called(node, asked, getattr(of, asked))

    def _called(self, node: ast.Call, name: str, function: Callable[..., Any]) -> Any:
        """What the function makes of the arguments, once each is of the kind that it takes."""
        for argument in (*node.args, *(keyword.value for keyword in node.keywords if keyword.arg is None)):
            if isinstance(argument, ast.Starred) or argument not in node.args:
                raise self.refusal(argument, "a star before the arguments", "them one by one", "Write them out.")
        words = [str(keyword.arg) for keyword in node.keywords]
        for word in node.keywords:
            if words.count(str(word.arg)) > 1:
                raise self.refusal(node.func, f"{word.arg!r} twice", f"{word.arg}=... once", "Leave one out.")
        if name == "where" and isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            expected = "a condition in the brackets, such as where(violent)"
            raise self.refusal(node.func, "where() without a condition", expected, "Write one, or leave it out.")
        signature = inspect.signature(function)
        named = {str(keyword.arg): keyword.value for keyword in node.keywords}
        try:
            bound = signature.bind(*node.args, **named)
        except TypeError as error:
            raise self._other_arguments(node, name, signature, str(error)) from None
        hints = typing.get_type_hints(function)
        for argument_name, given in bound.arguments.items():
            kinds = _kinds(hints[argument_name])
            many = isinstance(given, tuple)
            read = tuple(self._argument(one, name, kinds) for one in (given if many else (given,)))
            bound.arguments[argument_name] = read if many else read[0]
        return self._made(node.func, lambda: function(*bound.args, **bound.kwargs))

    def _argument(self, node: ast.expr, name: str, kinds: tuple[type, ...]) -> Any:
        value = self.read(node)
        if not isinstance(value, kinds):
            expected = " or ".join(_KIND_WORDS[kind] for kind in kinds if kind in _KIND_WORDS)
            raise self.refusal(node, _said(value), f"{expected} in {name}(...)", "Mend the argument.")
        return value

    def _other_arguments(self, node: ast.Call, name: str, signature: inspect.Signature, said: str) -> Refused:
        takes = list(signature.parameters.values())
        unknown = next((word.arg for word in node.keywords if word.arg not in signature.parameters), None)
        if unknown is not None:
            found, remedy = f"the argument {unknown!r}", near(unknown, signature.parameters)
        elif said.startswith("missing"):
            found, remedy = f"nothing for {said.rpartition(':')[2].strip()}", ""
        else:
            found, remedy = "too many arguments, or one twice", "All but the first ones are given by name."
        spelt = [f"{one.name}=..." if one.kind is one.KEYWORD_ONLY else one.name for one in takes]
        return self.refusal(node.func, found, f"{name}({', '.join(spelt)})", remedy or "Mend the arguments.")

    def _arithmetic(self, node: ast.BinOp) -> Definition:
        if type(node.op) not in _ARITHMETIC:
            raise self.refusal(node, self._source(node), "+ - * or /", "Combine definitions with one of these.")
        sign, combine = _ARITHMETIC[type(node.op)]
        one, other = self.read(node.left), self.read(node.right)
        for side, value in ((node.left, one), (node.right, other)):
            if not isinstance(value, Definition | float):
                raise self.refusal(side, _said(value), f"a definition or a number beside {sign}", "Measure it first.")
        if not isinstance(one, Definition) and (not isinstance(other, Definition) or sign in "-/"):
            remedy = f"Write the definition first: count(offences) {sign} 2."
            raise self.refusal(node.left, _said(one), f"a definition before {sign}", remedy)
        made: Definition = self._made(node, lambda: combine(one, other))
        return made

    def _signed(self, node: ast.UnaryOp) -> float:
        value = self.read(node.operand)
        if not isinstance(node.op, ast.USub | ast.UAdd) or not isinstance(value, float):
            raise self.refusal(node, self._source(node), "a number after a sign", "Use .is_no() for what is not so.")
        return -value if isinstance(node.op, ast.USub) else value

    def _made(self, node: ast.expr, make: Callable[[], Any]) -> Any:
        """What was made; a refusal of the language itself is given its place in the text."""
        try:
            return make()
        except Refused as refusal:
            if refusal.problems:
                raise
            raise self.refusal(node, self._source(node), "something that can be measured", refusal.message) from None

    def _no_method(self, node: ast.Attribute, of: Any) -> Refused:
        kind = next((kind for kind in _METHODS if isinstance(of, kind)), None)
        known = _METHODS[kind] if kind is not None else ()
        if node.attr in known:
            return self.refusal(node, f"{node.attr!r} alone", f"{node.attr}(...)", "Add the brackets.")
        expected = " or ".join(f"{name}(...)" for name in known) or "nothing"
        remedy = near(node.attr, known) or "Check what may be asked of it."
        return self.refusal(node, f"{node.attr!r} of {_said(of)}", expected, remedy)

    def _source(self, node: ast.expr) -> str:
        return repr(_cut(ast.get_source_segment(self.text, node) or "", 60))

    def refusal(self, node: ast.expr | None, found: str, expected: str, remedy: str) -> Refused:
        """One mistake, at the column of ``node``."""
        place = 0 if node is None else node.col_offset
        if isinstance(node, ast.Attribute):  # what is wrong stands after the full stop
            place = (node.end_col_offset or 0) - len(node.attr.encode())
        before = self.text.encode()[:place]  # Python counts a column in bytes; people count letters
        return self.refusal_at(len(before.decode(errors="ignore")) + 1, found, expected, remedy)

    def refusal_at(self, column: int, found: str, expected: str, remedy: str) -> Refused:
        """One mistake, at a column of the text."""
        problem = Problem(found=found, where=f"column {column}", expected=expected, remedy=remedy)
        return Refused(f"The definition {_cut(self.text, _SHOWN)!r} cannot be read.", [problem])


_KIND_WORDS: Mapping[type, str] = {
    Rows: "rows (offences, offences.where(...))",
    Field: "a field (offences.severity)",
    Condition: "a condition (offences.severity.at_least(4))",
    Definition: "a definition (count(...))",
    float: "a number",
    str: "a text in quotes",
}


def _kinds(hint: Any) -> tuple[type, ...]:
    """The classes that a hint such as ``Rows | None`` allows, as isinstance takes them; numbers are read as floats."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return tuple(part for part in parts if part is not types.NoneType)


def _said(value: Any) -> str:
    """A value of the language, as a message names it."""
    if isinstance(value, Rows):
        return f"rows of {value.contract.name}"
    if isinstance(value, Field):
        return f"the field {value.contract.name}.{value.name}"
    if isinstance(value, Condition):
        return f"a condition on {value.contract.name}.{value.field}"
    if isinstance(value, Definition):
        return f"the definition '{_cut(value.in_words(), 80)}'"
    return f"the number {value:g}" if isinstance(value, float) else f"the text {_cut(str(value), 40)!r}"


def near(name: str, known: Iterable[str]) -> str:
    """A question with the names close to ``name``; empty where none is."""
    close = difflib.get_close_matches(name, sorted(known), n=2)
    return f"Did you mean {' or '.join(repr(one) for one in close)}?" if close else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
