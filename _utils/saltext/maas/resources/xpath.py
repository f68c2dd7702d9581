"""Whether text is an expression of XPath 1.0, the language of tags' definitions."""

from __future__ import annotations

import re

_NAME = r"[^\W\d][\w.·-]*"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<literal>"[^"]*"|'[^']*')
      | (?P<axis>{_NAME})(?=\s*::)
      | (?P<name>{_NAME}(?::(?!:)(?:{_NAME}|\*))?)
      | (?P<variable>\${_NAME}(?::{_NAME})?)
      | (?P<sign>::|//|\.\.|!=|<=|>=|[/.@,()\[\]|+=<>*-])
    )""",
    re.VERBOSE,
)
_AXES = {
    "ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self",
    "following", "following-sibling", "namespace", "parent", "preceding", "preceding-sibling",
    "self",
}  # fmt: skip
_NODE_TYPES = {"comment", "text", "processing-instruction", "node"}
#: Operators between paths; which of them bind more does not matter for whether text is one.
_OPERATORS = {"or", "and", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "div", "mod"}


def is_xpath(text: str) -> bool:
    """Whether text can be parsed; names of functions and prefixes are not looked at."""
    try:
        tokens = list(_tokens(text))
        rest = _Parser(tokens)
        rest.expression()
        return rest.at == len(tokens)
    except (ValueError, RecursionError):
        return False


def _tokens(text):
    at, text = 0, text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError
        yield found.lastgroup, found[found.lastgroup or 0]
        at = found.end()


class _Parser:
    """A parser of descent, which raises ValueError where the grammar has no way on."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def next(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else (None, None)

    def take(self, *words):
        """Step over one of some words, if it comes next."""
        kind, word = self.next()
        if kind in ("sign", "name") and word in words:
            self.at += 1
            return True
        return False

    def need(self, *words):
        if not self.take(*words):
            raise ValueError

    def expression(self):
        while True:
            while self.take("-"):
                pass
            self.path()
            while self.take("|"):
                self.path()
            if not self.take(*_OPERATORS):
                return

    def path(self):
        if self.is_primary():
            self.primary()
            self.predicates()
            if self.take("/", "//"):
                self.steps()
        elif self.take("/"):
            if self.is_step():
                self.steps()
        else:
            self.take("//")
            self.steps()

    def is_primary(self):
        (kind, word), (_, after) = self.next(), self.next(1)
        call = kind == "name" and after == "(" and word not in _NODE_TYPES
        return kind in ("number", "literal", "variable") or word == "(" or call

    def primary(self):
        kind, word = self.next()
        self.at += 1
        if word == "(" and kind == "sign":
            self.expression()
            self.need(")")
        elif kind == "name":
            if word.endswith("*"):
                raise ValueError
            self.need("(")
            if not self.take(")"):
                self.expression()
                while self.take(","):
                    self.expression()
                self.need(")")

    def predicates(self):
        while self.take("["):
            self.expression()
            self.need("]")

    def is_step(self):
        kind, word = self.next()
        return kind in ("name", "axis") or (kind == "sign" and word in ("*", "@", ".", ".."))

    def steps(self):
        self.step()
        while self.take("/", "//"):
            self.step()

    def step(self):
        if self.take(".", ".."):
            return
        kind, word = self.next()
        if kind == "axis":
            self.at += 1
            if word not in _AXES:
                raise ValueError
            self.need("::")
        else:
            self.take("@")
        kind, word = self.next()
        if kind != "name" and word != "*":
            raise ValueError
        self.at += 1
        if word in _NODE_TYPES and self.take("("):
            if word == "processing-instruction" and self.next()[0] == "literal":
                self.at += 1
            self.need(")")
        self.predicates()
