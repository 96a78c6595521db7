"""An op on a part that is named, as `flip(at=front)`."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Generator

from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError


@dataclass(frozen=True)
class NamedPart(Op):
    """An op on one part of examples that have several; plans write it `flip(at=front)`.

    Args:
        op: Op on items of the part's kind.
        part: Name of the part.

    Example:
        >>> from manyshot.augment import Plan
        >>> Plan("support: flip(at=front)").placements["support"].op.ops
        (NamedPart(op=Flip(p=0.5), part='front'),)
    """

    takes: ClassVar[tuple[str, ...]] = ("parts",)

    op: Op
    part: str

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of the op."""
        return self.op.sample(n, generator)

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever a caller has
        """Refuse items of one part; `apply_to_parts` applies the op to the part.

        Raises:
            InputError: In any case.
        """
        raise InputError(f"at={self.part}: these examples have one part only; leave at= out")

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse items of one part."""
        self.apply(items, {})
