"""Salt's minions as the master's side of a fleet sees them; a test says what each answers."""

from __future__ import annotations

from saltext.maas.fleet.minions import Answer


class FakeSalt:
    """What every test's Salt has; ``answer`` is the test's own."""

    def __init__(self, opts, keys):
        self.opts = opts
        self.runners = {}
        self.keys = keys
        self.fired = []
        self.asked = []
        self.broken = {}  # {(minion, function): error}

    def answer(self, minion, function, *args, **kwargs):
        raise NotImplementedError

    def ask(self, minions, function, *args, seconds=60.0, on_answer=None, **kwargs):
        if minions:
            self.asked.append((sorted(minions), function))
        found = {}
        for minion in minions:
            error = self.broken.get((minion, function))
            if error:
                found[minion] = Answer(error=error, lost=error == "the minion did not answer")
            else:
                given = self.answer(minion, function, *args, **kwargs)
                found[minion] = given if isinstance(given, Answer) else Answer(given)
            if on_answer and not found[minion].lost:
                on_answer(minion, found[minion])
        return found

    def ask_signed(self, minion, function, *args, seconds, limit, **kwargs):
        return self.ask([minion], function, *args, **kwargs)[minion]

    def connected(self, minions):
        return {one for one in minions if (one, "test.ping") not in self.broken}

    def accepted_keys(self, minions):
        return {one: self.keys[one] for one in minions if one in self.keys}

    def all_minions(self, target, kind="glob"):
        return sorted(self.keys)

    def fire(self, tag, data):
        self.fired.append((tag, data))

    def close(self):
        pass

    def functions(self, minion=None):
        """The functions that were called, of all minions or of one alone."""
        return [function for who, function in self.asked if minion is None or who == [minion]]
