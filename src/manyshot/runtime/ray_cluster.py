"""Work as tasks of a Ray cluster, which outlive the loss of a node."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import Any

from manyshot.base import InputError
from manyshot.base.errors import WorkStopped

HERE, RAY = "here", "ray"
RETRIES = 10
"""How often a task is restarted because its node or process was lost."""
PATIENCE = 60.0
"""Seconds that interrupted tasks have to end."""
OBJECT_STORE = 100 << 20
"""Bytes of shared memory of a cluster that is started here; our tasks exchange little."""


def check_place(on: str) -> None:
    """Make sure that work can be done where it is asked to.

    Args:
        on: "here", "ray", or the address of a cluster, such as "10.0.0.1:6379", "ray://head:10001" or "auto".

    Raises:
        InputError: If not, or Ray is not installed.

    Example:
        >>> check_place("here")
        >>> check_place("rai")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: on='rai': give 'here', 'ray', or the address of a cluster, HOST:PORT (--on)
    """
    if on == HERE:
        return
    if on not in (RAY, "auto") and ":" not in on:
        raise InputError(f"on='{on}': give 'here', 'ray', or the address of a cluster, HOST:PORT (--on)")
    _ray()


def run_on_cluster(
    function: Callable[..., Any],
    work: Sequence[tuple[Any, ...]],
    on: str,
    jobs: int | None = None,
    gpus: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, Any]]:
    """Call a function with each tuple of arguments, as tasks that take a processor core each.

    A task whose node is lost is restarted on another one. The first error interrupts the other tasks.

    Args:
        function: Function of a module that every node has.
        work: Arguments of each call.
        on: "ray" for the cluster that `RAY_ADDRESS` names, else one that is started on this machine; or an address.
        jobs: Number of tasks at a time; as many as the cluster has room for if None.
        gpus: Number of GPUs that each task takes.
        tick: Called about twice a second.

    Returns:
        Number and result of each call, in the order in which they end.

    Raises:
        InputError: If the cluster cannot be reached or has no room, or a task was lost too often; or what a call
            raises.
    """
    ray = _ray()
    with _cluster(ray, on, jobs):
        _check_room(ray, gpus)
        remote = ray.remote(_caught).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        waiting, running = list(enumerate(work)), dict[Any, int]()
        try:
            while waiting or running:
                while waiting and len(running) < (jobs or len(work)):
                    number, arguments = waiting.pop(0)
                    running[remote.remote(function, arguments)] = number
                done, _ = ray.wait(list(running), timeout=0.5)
                for one in done:
                    yield running.pop(one), _result(ray, one)
                tick()
        except BaseException:
            _cancel(ray, list(running))
            raise


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    # Ray would otherwise warn that it will stop hiding the GPUs from tasks that ask for none.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise InputError(f'{error}; install it by: pip install "manyshot[ray]"') from None


@contextmanager
def _cluster(ray: ModuleType, on: str, jobs: int | None) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine that ends with the block."""
    if ray.is_initialized():
        yield
        return
    shared: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if on == RAY and "RAY_ADDRESS" not in os.environ:
        ray.init(address="local", num_cpus=jobs, include_dashboard=False, object_store_memory=OBJECT_STORE, **shared)
    else:
        try:
            ray.init(address="auto" if on == RAY else on, **shared)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(f"on='{on}': no cluster answers there ({_line(error)}); see `ray start` (--on)") from None
    try:
        yield
    finally:
        ray.shutdown()


def _check_room(ray: ModuleType, gpus: int) -> None:
    """Refuse what would wait forever."""
    there = ray.cluster_resources()
    if gpus > there.get("GPU", 0):
        raise InputError("the cluster has no GPU; give --device cpu, or add a node that has one")
    if not there.get("CPU"):
        raise InputError("the cluster has no processor core to give; start a node with `ray start --num-cpus`")


def _caught(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """Result of a call, or its error: as a value it comes back as it is, without Ray's traceback in its text."""
    try:
        return function(*arguments), None
    except (InputError, WorkStopped, OSError) as error:
        return None, error


def _result(ray: ModuleType, task: Any) -> Any:  # noqa: ANN401 - a reference of Ray, and whatever was returned
    try:
        result, error = ray.get(task)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as lost:
        raise InputError(f"the cluster lost a task {RETRIES + 1} times ({_line(lost)}); give it more memory") from None
    if error is not None:
        raise error
    return result


def _cancel(ray: ModuleType, running: Sequence[Any]) -> None:
    """Interrupt tasks and wait for them."""
    for one in running:
        with suppress(ray.exceptions.RayError):
            ray.cancel(one)
    if running:
        ray.wait(list(running), num_returns=len(running), timeout=PATIENCE)


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
