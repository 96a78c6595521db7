"""Simulators that go along with the states of episodes, so that a step seldom replays."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

MOST = 4096
"""Largest number of simulators that are kept for states that may be stepped next."""


class Simulators:
    """A store of simulators by the trace of the state in which they are.

    A trace is a hash of context, seed and all actions, so a simulator that is found by it is in exactly that state.
    Several may be in one state.

    Args:
        make: Makes a simulator.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self._at: OrderedDict[int, list[Any]] = OrderedDict()
        self._free: list[Any] = []
        self._count = 0

    def find(self, trace: int) -> Any:  # noqa: ANN401 - an environment or None
        """Take out a simulator in this state; None if there is none."""
        there = self._at.get(trace)
        if there is None:
            return None
        self._count -= 1
        simulator = there.pop()
        if not there:
            del self._at[trace]
        return simulator

    def keep(self, trace: int, simulator: Any) -> None:  # noqa: ANN401
        """Put a simulator back, in the state that it has reached; the oldest one goes if there are too many."""
        self._at.setdefault(trace, []).append(simulator)
        self._count += 1
        if self._count > MOST:
            self.free(self.find(next(iter(self._at))))

    def free(self, simulator: Any) -> None:  # noqa: ANN401
        """Give back a simulator whose state is of no interest."""
        self._free.append(simulator)

    def play(self, seed: int, prepare: Callable[[Any], None], actions: Sequence[Any]) -> tuple[Any, Any]:
        """Start an episode and take actions.

        Args:
            seed: Seed of `reset`.
            prepare: Changes the simulator before it is reset.
            actions: Actions of the simulator's space.

        Returns:
            The simulator and its last observation.
        """
        simulator = self._free.pop() if self._free else self.make()
        prepare(simulator)
        observation, _ = simulator.reset(seed=seed)
        for action in actions:
            observation = simulator.step(action)[0]
        return simulator, observation
