"""Whether a text can be an XPath 1.0 expression, as definitions of tags are."""

from __future__ import annotations

import re

_NAME = r"[^\W\d][\w.-]*"
_TOKENS = re.compile(
    rf"(?P<text>\"[^\"]*\"|'[^']*')|(?P<number>\d+(\.\d*)?|\.\d+)|(?P<variable>\${_NAME}(:{_NAME})?)"
    rf"|(?P<name>{_NAME}(:(?!:)({_NAME}|\*))?)|(?P<sign>::|//|\.\.|!=|<=|>=|[][()@,./|+=<>*-])"
)
_BINARY = {"or", "and", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "div", "mod", "|"}
_KINDS = ("node", "text", "comment", "processing-instruction")


class _Bad(Exception):
    pass


class _Reader:
    """Goes through the tokens; each method takes what its name says, or raises."""

    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.strip()
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            match = _TOKENS.match(text, at)
            if not match:
                raise _Bad
            self.tokens.append((match.lastgroup, match.group()))
            at = match.end()
        self.at = 0

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ("end", "")

    def accept(self, *words):
        kind, word = self.peek()
        if kind in ("sign", "name") and word in words:
            self.at += 1
            return word
        return None

    def expect(self, word):
        if not self.accept(word):
            raise _Bad

    def expression(self):
        """Operands with operators between them; which binds closer makes no difference here."""
        while True:
            while self.accept("-"):
                pass
            self.operand()
            if not self.accept(*_BINARY):
                return

    def operand(self):
        kind, word = self.peek()
        call = kind == "name" and self.peek(1)[1] == "(" and word not in _KINDS
        if kind in ("text", "number", "variable"):
            self.at += 1
        elif call:
            self.at += 2
            if not self.accept(")"):
                self.expression()
                while self.accept(","):
                    self.expression()
                self.expect(")")
        elif self.accept("("):
            self.expression()
            self.expect(")")
        else:
            self.path()
            return
        self.predicates()
        if self.accept("/", "//"):
            self.steps()

    def path(self):
        if self.accept("/"):
            kind, word = self.peek()
            if kind == "name" or word in (".", "..", "@", "*"):
                self.steps()
            return
        self.accept("//")
        self.steps()

    def steps(self):
        self.step()
        while self.accept("/", "//"):
            self.step()

    def step(self):
        if self.accept(".", ".."):
            return
        if not self.accept("@") and self.peek(1)[1] == "::":
            self.at += 2
        kind, word = self.peek()
        if kind != "name" and word != "*":
            raise _Bad
        self.at += 1
        if word in _KINDS and self.accept("("):
            if self.peek()[0] == "text":
                self.at += 1
            self.expect(")")
        self.predicates()

    def predicates(self):
        while self.accept("["):
            self.expression()
            self.expect("]")


def is_xpath(text):
    """Whether a text is an expression; what its names mean is not looked at."""
    try:
        reader = _Reader(text)
        reader.expression()
    except (_Bad, RecursionError):
        return False
    return reader.peek()[0] == "end"
