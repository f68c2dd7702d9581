"""Whether a text is an XPath, and what libxml2 says where it is none."""

from __future__ import annotations

import re

INVALID, UNFINISHED, PREDICATE = "Invalid expression", "Unfinished literal", "Invalid predicate"

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NAME = re.compile(r"[^\W\d][\w.-]*")
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
_NODE_TYPES = ("comment", "text", "processing-instruction", "node")
_AXES = (
    "ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self",
    "following", "following-sibling", "namespace", "parent", "preceding", "preceding-sibling",
    "self",
)  # fmt: skip
#: Operators of two sides, from the loosest to the tightest.
_OPERATORS = tuple(
    re.compile(pattern)
    for pattern in (
        r"or(?![\w.-])", r"and(?![\w.-])", r"!?=", r"[<>]=?", r"[+-]",
        r"\*|(div|mod)(?![\w.-])",
    )
)  # fmt: skip


class _Wrong(Exception):
    pass


def problem(text):
    """What is wrong with an XPath as text, or None."""
    reader = _Reader(text)
    try:
        reader.expression()
        if reader.at < len(text):
            raise _Wrong(INVALID)
    except _Wrong as wrong:
        return str(wrong)
    return None


class _Reader:
    """Goes through a text; each method takes one thing of the grammar, or raises."""

    def __init__(self, text):
        self.text = text
        self.at = 0
        self.skip()

    def skip(self):
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]

    def sees(self, *texts):
        return self.text.startswith(texts, self.at)

    def take(self, pattern):
        """Take what matches a pattern (or is a text), and the space after it."""
        if isinstance(pattern, str):
            end = self.at + len(pattern) if self.sees(pattern) else None
        else:
            match = pattern.match(self.text, self.at)
            end = match.end() if match else None
        if end is None:
            return None
        found, self.at = self.text[self.at : end], end
        self.skip()
        return found

    def need(self, pattern, what=INVALID):
        found = self.take(pattern)
        if found is None:
            raise _Wrong(what)
        return found

    def expression(self, level=0):
        if level == len(_OPERATORS):
            while self.take("-"):
                pass
            self.path()
            while self.take("|"):
                self.path()
            return
        self.expression(level + 1)
        while self.take(_OPERATORS[level]):
            self.expression(level + 1)

    def path(self):
        if self.primary():
            self.predicates()
            if not self.sees("/"):
                return
        elif self.sees("/") and not self.sees("//"):
            self.take("/")
            if self.at == len(self.text) or not self.begins_step():
                return
            self.step()
        elif self.take("//"):
            self.step()
        else:
            self.step()
        while self.take("//") or self.take("/"):
            self.step()

    def begins_step(self):
        return self.sees(".", "@", "*") or _NAME.match(self.text, self.at)

    def primary(self):
        """A variable, group, literal, number or call, if one is here."""
        if self.take("$"):
            self.qualified()
        elif self.take("("):
            self.expression()
            self.need(")")
        elif self.sees("'", '"'):
            self.need(_LITERAL, UNFINISHED)
        elif not self.take(_NUMBER):
            return self.call()
        return True

    def call(self):
        """A function's call; its bracket may be missing where nothing follows."""
        start = self.at
        name = self.take(_NAME)
        if name and self.sees(":") and not self.sees("::"):
            self.take(":")
            name = self.take(_NAME)
        if not name or name in _NODE_TYPES or not self.take("("):
            self.at = start
            return False
        if self.at < len(self.text) and not self.take(")"):
            self.expression()
            while self.take(","):
                self.expression()
            self.need(")")
        return True

    def qualified(self):
        self.need(_NAME)
        if self.take(":"):
            self.need(_NAME)

    def step(self):
        if self.take("..") or self.take("."):
            return
        if not self.take("@"):
            start = self.at
            name = self.take(_NAME)
            if not (name and self.take("::")):
                self.at = start
            elif name not in _AXES:
                raise _Wrong(INVALID)
        if not self.take("*"):
            name = self.need(_NAME)
            if self.take(":"):
                self.take("*") or self.need(_NAME)
            elif name in _NODE_TYPES and self.take("("):
                self.take(_LITERAL)
                self.need(")")
        self.predicates()

    def predicates(self):
        while self.take("["):
            self.expression()
            self.need("]", PREDICATE)
