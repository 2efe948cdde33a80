"""Blocks on the nodes of a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

import evalskip
from evalskip.engines.remote import Lost, RemoteEngine, needs_of, run_on_node
from evalskip.errors import InputError, MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.probe.measured import Prepared
    from evalskip.spec import Spec

try:
    import ray
    from ray.exceptions import RayError, RayTaskError, TaskCancelledError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise InputError("--engine ray: expected pip install 'evalskip[ray]'") from None

_ANSWER_S, _NOTICED_S = 10.0, 60.0


class Options(BaseModel):
    """What a user may say of a Ray cluster."""

    model_config = ConfigDict(extra="forbid")

    address: str | None = Field(
        default=None, description="of the cluster; none: RAY_ADDRESS, or one on this machine"
    )
    gpus: int | None = Field(
        default=None, ge=0, description="of a node, for a block; none: as the job says from here"
    )


class RayEngine(RemoteEngine["ray.ObjectRef[Any]"]):
    """A block takes the CPUs and GPUs that its job needs of one node, as Ray counts them.

    Args:
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what a block's parent prepared.
        options: of the cluster.

    Raises:
        InputError: there is no such cluster, or no node of it has what a block needs.
    """

    def __init__(
        self,
        spec: Spec,
        logs: Path,
        on_ready: Callable[[Prepared], None],
        options: Options,
    ) -> None:
        super().__init__(spec, logs, on_ready)
        self._needs = needs_of(spec, options.gpus)
        self._on: dict[ray.ObjectRef[Any], str] = {}
        self._lost_at: dict[str, float] = {}
        self._began = not ray.is_initialized()
        address = options.address or os.environ.get("RAY_ADDRESS")
        self._is_own = self._began and not address
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
                raise InputError(
                    f"--engine-option address={address}: no Ray cluster: {first}"
                ) from None
        try:
            self._places()
        except BaseException:
            self.close()
            raise

    @property
    def room(self) -> int:
        return sum(self._places().values())

    def close(self) -> None:
        super().close()
        if self._began:
            ray.shutdown()

    def _places(self) -> dict[str, int]:
        """Per living node, how many blocks it can hold; one, where a block takes all its CPUs.

        Raises:
            InputError: none of them can hold one.
        """
        nodes = {
            node["NodeID"]: node["Resources"]
            for node in ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU")
        }
        places = {}
        for name, has in nodes.items():
            count = has["CPU"] // self._needs.cpus if self._needs.cpus else 1
            if self._needs.gpus:
                count = min(count, has.get("GPU", 0) // self._needs.gpus)
            if count:
                places[name] = int(count)
        if not places:
            gpus = [f"{self._needs.gpus} GPU"] if self._needs.gpus else []
            needs = [f"{self._needs.cpus or 1} CPU", *gpus]
            most = [
                f"{max((has.get(name, 0) for has in nodes.values()), default=0):g} {name}"
                for name in ("CPU", "GPU")
            ]
            raise InputError(
                f"--engine ray: a block needs {' and '.join(needs)} of one node; expected a "
                f"cluster with such a node, got at most {' and '.join(most)}"
            )
        return places

    def _submit(self, task: dict[str, Any]) -> ray.ObjectRef[Any]:
        blocks = Counter(self._on.values())
        free = {name: count - blocks[name] for name, count in self._places().items()}
        now = time.monotonic()
        # a node that has just died is held to be alive for some seconds
        sound = [each for each in free if now - self._lost_at.get(each, -_NOTICED_S) >= _NOTICED_S]
        name = max(sound or free, key=free.__getitem__)
        cpus = next(n["Resources"]["CPU"] for n in ray.nodes() if n["NodeID"] == name)
        options = {
            "num_cpus": self._needs.cpus or cpus,
            "num_gpus": self._needs.gpus,
            # a block that is lost is an attempt of its own
            "max_retries": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(name, soft=False),
        }
        # a cluster that goes with us names its node anew each time
        task = {**task, "node": "local" if self._is_own else name[:12]}
        handle: ray.ObjectRef[Any] = _on_node.options(**options).remote(task)
        self._on[handle] = name
        return handle

    def _first_ended(self, handles: Sequence[ray.ObjectRef[Any]]) -> ray.ObjectRef[Any]:
        ended, _ = ray.wait(list(handles), num_returns=1)
        return ended[0]

    def _result(self, handle: ray.ObjectRef[Any]) -> dict[str, Any]:
        node = self._on.pop(handle)
        try:
            answer: dict[str, Any] = ray.get(handle)
        except RayTaskError as error:  # a mistake of ours, or of the node's environment
            raise MeasurementError(f"a block failed on its node: {error.cause!r}") from error
        except RayError as error:
            self._lost_at[node] = time.monotonic()
            raise Lost(str(error).strip().splitlines()[0]) from None
        return answer

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
            f"--engine-option address={address}: no Ray cluster: {error}; expected HOST:PORT"
        ) from None


_on_node = ray.remote(run_on_node)


ENGINE = RayEngine
