"""The base class of joint ops: ops that change several parts of an example by one draw."""

from abc import abstractmethod
from typing import Any, ClassVar

from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError
from manyshot.tasks import Parts


class JointOp(Op):
    """An op on examples of several parts; every joint op is a frozen dataclass of plain numbers and strings."""

    takes: ClassVar[tuple[str, ...]] = ("parts",)

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse items that are not `Parts`, and parts that the op cannot change.

        Raises:
            InputError: Naming the op and what it was given.
        """
        if not isinstance(items, Parts):
            raise InputError(
                f"{type(self).__name__}: changes examples of several parts, and these are not; give manyshot.Parts"
            )

    @abstractmethod
    def apply(self, parts: Parts, params: Params) -> Parts:
        """Change n examples, each by its own params.

        Args:
            parts: Parts of n examples.
            params: Params of n examples.

        Raises:
            InputError: If they lack the parts that the op changes.
        """
