"""Who does the work: this process, or several of which each opens the models once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any, NamedTuple, Protocol

from restore.corpus import storage
from restore.corpus.inputs import Shard
from restore.corpus.parts import Report, ShardWorker, Step, join
from restore.corpus.settings import Settings
from restore.engine import Restorer, load
from restore.errors import MissingExtraError, RestoreError


class Split(NamedTuple):
    """A task: one split of a shard."""

    shard: Shard
    part: int
    limit: int | None


class Join(NamedTuple):
    """A task: the output of a shard of its splits."""

    shard: Shard
    reports: Sequence[Report]


class Failed(NamedTuple):
    """A shard cannot be done; the run goes on."""

    reason: str


class Fatal(NamedTuple):
    """The run cannot go on."""

    reason: str


class Died(NamedTuple):
    """A worker is gone."""

    status: int | None


Task = Split | Join
#: A dictionary is a report of a split, or with "done" the entry of a shard.
Message = Step | Failed | Fatal | Died | dict[str, Any]


class Worker:
    """Does tasks, one after the other. It keeps open the file it worked on, since the next split of it is cheap to reach from there."""

    def __init__(self, settings: Settings, restorer: Restorer) -> None:
        self._settings, self._restorer = settings, restorer
        self._open: ShardWorker | None = None

    def do(self, task: Task) -> Iterator[Message]:
        """Progress, and last the result."""
        try:
            if isinstance(task, Join):
                yield join(task.shard, task.reports)
                return
            if self._open is None or self._open.shard != task.shard:
                self._close()
                self._open = ShardWorker(task.shard, self._settings, self._restorer)
            yield from self._open.run(task.part, task.limit)
        except MissingExtraError as error:
            yield Fatal(str(error))
        except RestoreError as error:
            self._close()
            yield Failed(str(error))
        except OSError as problem:
            self._close()
            name = problem.filename or task.shard.target
            name = name.rpartition("/")[0] if str(name).endswith(storage.TEMPORARY) else name
            yield Fatal(f"{name}: cannot be written ({storage.reason(problem)}); see to it and give the same command: it goes on where it stopped")

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class Pool(Protocol):
    """Workers by number."""

    size: int

    def submit(self, worker: int, task: Task) -> None:
        """Give an idle worker a task."""

    def messages(self) -> Iterator[tuple[int, Message]]:
        """What workers say next; waits for something."""

    def stop(self) -> None:
        """End the workers."""


class Here:
    """One worker in this process."""

    size = 1

    def __init__(self, settings: Settings, restorer: Restorer) -> None:
        self._worker = Worker(settings, restorer)
        self._tasks: list[Task] = []

    def submit(self, worker: int, task: Task) -> None:
        """Give it a task."""
        self._tasks.append(task)

    def messages(self) -> Iterator[tuple[int, Message]]:
        """Do the task."""
        for message in self._worker.do(self._tasks.pop(0)):
            yield 0, message

    def stop(self) -> None:
        """Nothing runs between messages."""


class Processes:
    """Worker processes, started afresh (not forked, so that no threads or locks are copied), each on a pipe of its own."""

    def __init__(self, size: int, settings: Settings) -> None:
        self.size = size
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[Any, Any]] = [self._start() for _ in range(size)]

    def _start(self) -> tuple[Any, Any]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._settings), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def submit(self, worker: int, task: Task) -> None:
        """Give an idle worker a task."""
        with suppress(BrokenPipeError, ConnectionResetError):  # it has died, which `messages` will say
            self._workers[worker][1].send(task)

    def messages(self) -> Iterator[tuple[int, Message]]:
        """What workers say; one that has died is replaced."""
        connections = {ours: number for number, (_, ours) in enumerate(self._workers)}
        for ready in wait(list(connections)):
            number = connections[ready]
            process, ours = self._workers[number]
            try:
                yield number, ours.recv()
            except (EOFError, ConnectionResetError):
                process.join()
                ours.close()
                self._workers[number] = self._start()
                yield number, Died(process.exitcode)

    def stop(self) -> None:
        """End the workers at once; what they were at is done again by the next run."""
        for process, ours in self._workers:
            process.kill()
            process.join()
            ours.close()


def serve(connection: Any, settings: Settings) -> None:
    """What a worker process does: tasks, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()
    try:
        worker = Worker(settings, load(**settings.restorer))
    except RestoreError as error:
        connection.recv()
        connection.send(Fatal(str(error)))
        return
    try:
        while True:
            for message in worker.do(connection.recv()):
                connection.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _die_with(sentinel: Any) -> None:
    """Leave when the parent is killed, in the midst of whatever is done: a new run may be started at once."""
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def start(size: int, settings: Settings, restorer: Restorer) -> Pool:
    """As many workers as asked for; a single one works in this process."""
    return Here(settings, restorer) if size == 1 else Processes(size, settings)
