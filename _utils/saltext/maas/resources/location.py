"""Where the pillar ``maas`` holds the objects of a resource type."""

from __future__ import annotations

from dataclasses import dataclass, field

from saltext.maas.resources.kinds import Kind


@dataclass(frozen=True)
class PillarLocation:
    """A resource type's place in the pillar.

    The schema, the check, the reference and the desired objects all follow from it.

    Attributes:
        key: The key under which the objects stand.
        doc: One sentence for the pillar reference.
        named_by: Field whose value is the key of each object's mapping; where there is
            none, the objects are a list.
        under: Resource type within whose objects they stand; at the top where empty.
        parent: Field that names that object.
        single: There is one object at most, and it stands there itself.
        plain: A list of the identity's values alone, without fields.
        needed: Fields that each object must name.
        spelled: ``{field: key}`` for fields that the pillar calls otherwise.
        left_out: Fields that the pillar does not have.
        since: First release whose pillar has it, where that is before the table's own.
        name: What the reference calls the key of an object.
        names: What that key may be, where it is not what the field ``named_by`` may be.
    """

    key: str
    doc: str
    named_by: str = ""
    under: str = ""
    parent: str = ""
    single: bool = False
    plain: bool = False
    needed: tuple = ()
    spelled: dict = field(default_factory=dict)
    left_out: tuple = ()
    since: str = ""
    name: str = "NAME"
    names: Kind | None = None

    def spelling(self, name: str) -> str:
        """How the pillar calls a field."""
        return self.spelled.get(name, name)

    def of(self, where: str, name: str) -> str:
        """The path of an object's field, from the path of the object."""
        if self.plain or name in self.implied():
            return where
        return f"{where}:{self.spelling(name)}"

    def implied(self) -> set:
        """The fields that do not stand in an object's own mapping."""
        return {self.named_by, self.parent, *self.left_out} - {""}
