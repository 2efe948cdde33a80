"""Blocks on the nodes of a Ray cluster."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evalskip
from evalskip.engines.remote import Lost, RemoteEngine, needs_of, run_on_node
from evalskip.errors import InputError, MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.spec import Spec

try:
    import ray
    from ray.exceptions import RayError, RayTaskError, TaskCancelledError
except ImportError:
    raise InputError("--engine ray: expected pip install 'evalskip[ray]'") from None

_ANSWER_S = 10.0
_LOOK_S = 5.0
"""How often it is looked whether a node is left that can run what is waiting."""


class RayEngine(RemoteEngine["ray.ObjectRef[Any]"]):
    """A block takes the CPUs and GPUs that its job needs of one node, as Ray counts them.

    Args:
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what a block's parent prepared.
        gpus: of a node, for a block; None: as the job says that knows this machine only.
        address: of the cluster; None: RAY_ADDRESS, or else one that is begun on this machine.

    Raises:
        InputError: there is no such cluster, or no node of it has what a block needs.
    """

    def __init__(
        self,
        spec: Spec,
        logs: Path,
        on_ready: Callable[[dict[str, Any]], None],
        gpus: int | None = None,
        address: str | None = None,
    ) -> None:
        super().__init__(spec, logs, on_ready)
        self._needs = needs_of(spec, gpus)
        self._began = not ray.is_initialized()
        if self._began:
            _check(address)
            try:
                ray.init(
                    address=address,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    include_dashboard=None if address else False,
                    # nodes need what the jobs need, but not this package
                    runtime_env={"py_modules": [str(Path(evalskip.__file__).parent)]},
                )
            except (ConnectionError, ValueError, RuntimeError) as error:
                first = str(error).strip().splitlines()[0]
                raise InputError(f"--address {address}: no Ray cluster: {first}") from None
        try:
            self._room()
        except BaseException:
            self.close()
            raise

    @property
    def room(self) -> int:
        return self._room()

    def close(self) -> None:
        super().close()
        if self._began:
            ray.shutdown()

    def _room(self) -> int:
        """Blocks that all nodes together can hold.

        Raises:
            InputError: none of them can hold one.
        """
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cpus, gpus = self._cpus(), self._needs.gpus
        room = 0
        for node in nodes:
            fits = node.get("CPU", 0) // cpus if cpus else 0
            room += int(min(fits, node.get("GPU", 0) // gpus) if gpus else fits)
        if not room:
            wanted = [f"{cpus or 1:g} CPU", *([f"{gpus} GPU"] if gpus else [])]
            most = [
                f"{max((node.get(name, 0) for node in nodes), default=0):g} {name}"
                for name in ("CPU", "GPU")
            ]
            raise InputError(
                f"--engine ray: a block needs {' and '.join(wanted)} of one node; expected a "
                f"cluster with such a node, got at most {' and '.join(most)}"
            )
        return room

    def _cpus(self) -> float:
        """Of a node: what the job needs, or all that the smallest node with its GPUs has."""
        if self._needs.cpus:
            return self._needs.cpus
        return min(
            (
                node["Resources"]["CPU"]
                for node in ray.nodes()
                if node["Alive"]
                and node["Resources"].get("CPU")
                and node["Resources"].get("GPU", 0) >= self._needs.gpus
            ),
            default=0,
        )

    def _submit(self, wanted: dict[str, Any]) -> ray.ObjectRef[Any]:
        self._room()
        options = {
            "num_cpus": self._cpus(),
            "num_gpus": self._needs.gpus,
            # a block that is lost is an attempt of its own
            "max_retries": 0,
            "scheduling_strategy": "SPREAD",
        }
        handle: ray.ObjectRef[Any] = _on_node.options(**options).remote(wanted)
        return handle

    def _first_ended(self, handles: Sequence[ray.ObjectRef[Any]]) -> ray.ObjectRef[Any]:
        while True:
            ended, _ = ray.wait(list(handles), num_returns=1, timeout=_LOOK_S)
            if ended:
                return ended[0]
            self._room()

    def _result(self, handle: ray.ObjectRef[Any]) -> dict[str, Any]:
        try:
            told: dict[str, Any] = ray.get(handle)
        except RayTaskError as error:  # a mistake of ours, or of the node's environment
            raise MeasurementError(f"a block failed on its node: {error.cause!r}") from error
        except RayError as error:
            raise Lost(str(error).strip().splitlines()[0]) from None
        return told

    def _cancel(self, handle: ray.ObjectRef[Any]) -> None:
        with suppress(RayError, TaskCancelledError):
            ray.cancel(handle, force=True)


def _check(address: str | None) -> None:
    """See that somebody answers there: Ray itself would try for minutes.

    Raises:
        InputError: nobody does.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host:  # none, or a word that Ray knows, such as auto
        return
    try:
        with socket.create_connection((host, int(port)), timeout=_ANSWER_S):
            return
    except (OSError, ValueError) as error:
        raise InputError(
            f"--address {address}: no Ray cluster: {error}; expected HOST:PORT"
        ) from None


@ray.remote
def _on_node(wanted: dict[str, Any]) -> dict[str, Any]:
    node = ray.get_runtime_context().get_node_id()
    return run_on_node({**wanted, "node": node[:12]})
