"""A run: which worker does what next, and what became of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from restore.corpus import storage
from restore.corpus.inputs import Output, Shard
from restore.corpus.manifest import Manifest, file_hash
from restore.corpus.parts import Report, Step, read_reports
from restore.corpus.settings import Settings
from restore.corpus.statistics import Tally, total
from restore.corpus.workers import Died, Failed, Fatal, Join, Message, Pool, Split, Task, start
from restore.engine import Restorer
from restore.errors import RestoreError

#: What a file unpacks to, by codec, until files of the run tell better; only the time left and the number of splits that are begun ahead depend on it.
RATIOS = {"": 1.0, "gzip": 2.8, "zstd": 3.0}
#: A split at which a worker died is tried once more.
TRIES = 2


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        documents, bytes, spun: done by this command; bytes decompressed.
        failed: rows that failed.
        done, total: bytes of input files.
        shards, of: files done, and in all.
    """

    documents: int = 0
    bytes: int = 0
    spun: int = 0
    failed: int = 0
    done: float = 0.0
    total: int = 0
    shards: int = 0
    of: int = 0


@dataclass(slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        entries: of the shards that are done, in the order of the inputs, earlier runs included.
        broken: reasons of the files that could not be done, by their paths.
        tally: over all entries.
        skipped: files that were done before.
        seconds: time this run took.
        workers: how many processes worked.
    """

    entries: list[dict[str, Any]]
    broken: dict[str, str]
    tally: Tally
    skipped: int
    seconds: float
    workers: int


@dataclass(slots=True)
class _Job:
    """A shard on its way."""

    shard: Shard
    reports: dict[int, Report] = field(default_factory=dict)
    given: set[int] = field(default_factory=set)
    last: int | None = None
    live: dict[int, int] = field(default_factory=dict)
    finishing: bool = False
    over: bool = False
    tries: dict[int, int] = field(default_factory=dict)
    #: All splits below are given out or done.
    first: int = 0

    def next_part(self, ahead: int) -> int | None:
        """The first split that nobody has and that exists for certain, or is one of the `ahead` first ones."""
        if self.over or self.finishing:
            return None
        while self.first in self.given or self.first in self.reports:
            self.first += 1
        part = self.first
        if self.last is not None and part > self.last:
            return None
        return part if part == 0 or part - 1 in self.reports or part < ahead else None

    @property
    def complete(self) -> bool:
        """Whether all splits are done."""
        return self.last is not None and len(self.reports) > self.last and all(part in self.reports for part in range(self.last + 1))


def run_corpus(
    shards: Sequence[Shard],
    output: Output,
    settings: Settings,
    restorer: Restorer,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda state: None,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Restore a corpus, or go on with it.

    Args:
        shards: what `restore.corpus.find_shards` found.
        output: where results go.
        settings: what to do.
        restorer: loaded with `settings.restorer`.
        workers: processes; 1 works in this one.
        overwrite: start anew where an earlier run with other settings was.
        progress: told how far the run is, some times a second.
        say: told lines about what went wrong.

    Raises:
        ConfigError: the output belongs to another run.
        RestoreError: the run cannot go on (the disk is full, say); what is done is kept.
    """
    import restore

    started = time.perf_counter()
    facts = {
        "version": restore.__version__,
        "model": file_hash(restorer.model.path),
        "dictionaries": restorer.lexicon.meta["sources"][:32],
        "gate": file_hash(restorer.gate.container.path) if restorer.gate else "",
        **settings.to_dict(),
    }
    with storage.lock(storage.join(output.state, "lock")):
        manifest = Manifest(output, facts)
        manifest.open(shards, overwrite)
        skipped = sum(shard.name in manifest.done for shard in shards)
        coordinator = _Coordinator(shards, manifest, settings, progress, say)
        used = 1
        if coordinator.jobs:
            used = min(workers, _useful(coordinator.jobs, settings))
            pool = start(used, settings, restorer)
            try:
                coordinator.run(pool)
            finally:
                pool.stop()
        manifest.save()
        for entry in storage.walk(output.state):
            if entry.path.endswith(storage.TEMPORARY):
                storage.remove(entry.path)
        storage.remove(storage.join(output.state, "parts"))
        entries = [manifest.done[shard.name] for shard in shards if shard.name in manifest.done]
        tally = total(Tally.from_dict(entry) for entry in entries)
        outcome = Outcome(entries, coordinator.broken, tally, skipped, time.perf_counter() - started, used)
        _write_end(shards, output, outcome)
    return outcome


def _useful(jobs: Sequence[_Job], settings: Settings) -> int:
    """How many workers can have something to do."""
    if settings.limit is not None:
        return 1
    return sum(_expected(job.shard, settings, RATIOS) for job in jobs)


def _expected(shard: Shard, settings: Settings, ratios: dict[str, float]) -> int:
    """Splits that a file probably has."""
    if shard.kind == "txt":
        return 1
    return max(1, int(shard.size * ratios[shard.codec] / settings.split_size))


class _Coordinator:
    def __init__(
        self, shards: Sequence[Shard], manifest: Manifest, settings: Settings, progress: Callable[[Progress], None], say: Callable[[str], None]
    ) -> None:
        self._manifest, self._settings = manifest, settings
        self._tell, self._say = progress, say
        self.broken: dict[str, str] = {}
        self._done_bytes = sum(shard.size for shard in shards if shard.name in manifest.done)
        self._state = Progress(total=sum(shard.size for shard in shards), of=len(shards), shards=sum(shard.name in manifest.done for shard in shards))
        self._ratios = dict(RATIOS)
        self._seen: dict[str, tuple[int, int]] = {}
        self._left = settings.limit
        self.jobs: list[_Job] = []
        for shard in shards:
            if shard.name in manifest.done:
                if self._left is not None:
                    self._left -= manifest.done[shard.name]["documents"]
                continue
            job = _Job(shard, read_reports(shard))
            job.last = next((part for part, report in job.reports.items() if report["last"]), None)
            self.jobs.append(job)
        self._busy: dict[int, tuple[_Job, Task]] = {}
        self._at: dict[int, _Job] = {}
        self._begun = 0
        self._active: list[_Job] = []

    def run(self, pool: Pool) -> None:
        """Give out tasks until there are none."""
        while True:
            for worker in range(pool.size):
                if worker not in self._busy and (task := self._next(worker)) is not None:
                    self._busy[worker] = task
                    pool.submit(worker, task[1])
            if not self._busy:
                return
            for worker, message in pool.messages():
                self._heed(worker, message)
            self._report()

    def _next(self, worker: int) -> tuple[_Job, Task] | None:
        """What an idle worker does: join what is ready, go on with its file, begin another one, or help with one."""
        self._active = [job for job in self._active if not job.over]
        if self._left is not None:
            return self._next_in_order()
        if (joining := next(filter(None, map(_join, self._active)), None)) is not None:
            return joining
        mine = self._at.get(worker)
        if mine is not None and (part := mine.next_part(self._ahead(mine))) is not None:
            return self._give(worker, mine, part)
        while self._begun < len(self.jobs):
            job = self._begin()
            if (joining := _join(job)) is not None:
                return joining
            if (part := job.next_part(self._ahead(job))) is not None:
                return self._give(worker, job, part)
        for job in sorted(self._active, key=lambda job: job.shard.size, reverse=True):
            if (part := job.next_part(self._ahead(job))) is not None:
                return self._give(worker, job, part)
        return None

    def _next_in_order(self) -> tuple[_Job, Task] | None:
        """With a limit, documents are counted in the order of the inputs: one split at a time."""
        assert self._left is not None
        if self._busy or (not self._active and (self._begun == len(self.jobs) or self._left <= 0)):
            return None
        job = self._active[0] if self._active else self._begin()
        if (joining := _join(job)) is not None:
            return joining
        part = job.next_part(0)
        taken = sum(report["documents"] for report in job.reports.values())
        return None if part is None else self._give(0, job, part, self._left - taken)

    def _begin(self) -> _Job:
        self._active.append(self.jobs[self._begun])
        self._begun += 1
        return self._active[-1]

    def _give(self, worker: int, job: _Job, part: int, limit: int | None = None) -> tuple[_Job, Task]:
        job.given.add(part)
        self._at[worker] = job
        return job, Split(job.shard, part, limit)

    def _ahead(self, job: _Job) -> int:
        return _expected(job.shard, self._settings, self._ratios)

    def _heed(self, worker: int, message: Message) -> None:
        """Take in what a worker says."""
        job, task = self._busy.get(worker, (None, None))
        if isinstance(message, Fatal):
            self._manifest.save()
            raise RestoreError(message.reason)
        if job is None or task is None:
            return
        part = task.part if isinstance(task, Split) else -1
        if isinstance(message, Step):
            job.live[part] = job.live.get(part, 0) + message.bytes
            self._state.documents += message.documents
            self._state.bytes += message.bytes
            self._state.spun += message.spun
            self._report()
            return
        del self._busy[worker]
        job.given.discard(part)
        if isinstance(message, Died):
            self._retry(job, part, message.status)
        elif isinstance(message, Failed):
            self._break(job, message.reason)
        elif "done" in message:
            self._finish(job, message)
        elif not job.over:
            job.reports[part] = message
            if message["last"]:
                job.last = part if job.last is None else min(part, job.last)
        if job.over and job.shard.path in self.broken and not any(other is job for other, _ in self._busy.values()):
            storage.remove(job.shard.state)

    def _retry(self, job: _Job, part: int, status: int | None) -> None:
        job.finishing = False
        job.first = 0
        job.tries[part] = job.tries.get(part, 0) + 1
        if job.tries[part] >= TRIES:
            cause = f"was killed (signal {-status}), by lack of memory perhaps" if status is not None and status < 0 else f"ended with status {status}"
            self._break(job, f"{job.shard.path}: a worker {cause}, {TRIES} times at the same place; with fewer --workers each has more memory")

    def _break(self, job: _Job, reason: str) -> None:
        if not job.over:
            job.over = True
            self.broken[job.shard.path] = reason
            self._done_bytes += job.shard.size
            self._state.shards += 1
            self._say(reason)

    def _finish(self, job: _Job, entry: dict[str, Any]) -> None:
        job.over = True
        self._manifest.done[job.shard.name] = entry
        self._done_bytes += job.shard.size
        self._state.shards += 1
        self._state.failed += entry["failed"]
        if self._left is not None:
            self._left -= entry["documents"]
        if entry["failed"]:
            self._say(f"{job.shard.path}: {entry['failed']:,} of {entry['rows']:,} rows failed: {_first_reason(job.shard)}")
        files, read = self._seen.get(job.shard.codec, (0, 0))
        self._seen[job.shard.codec] = files + job.shard.size, read + entry["bytes"]
        if job.shard.codec and job.shard.size:
            files, read = self._seen[job.shard.codec]
            self._ratios[job.shard.codec] = max(1.0, read / files)

    def _report(self) -> None:
        under_way = (min(job.shard.size, _read(job) / self._ratios[job.shard.codec]) for job in self._active if not job.over)
        self._state.done = self._done_bytes + sum(under_way)
        self._tell(self._state)


def _join(job: _Job) -> tuple[_Job, Task] | None:
    """The joining of a shard whose splits are done."""
    if job.over or job.finishing or not job.complete:
        return None
    job.finishing = True
    return job, Join(job.shard, [job.reports[part] for part in sorted(job.reports) if part <= (job.last or 0)])


def _read(job: _Job) -> int:
    """Bytes of a shard that are read, decompressed."""
    return sum(int(report["bytes"]) for report in job.reports.values()) + sum(read for part, read in job.live.items() if part not in job.reports)


def _first_reason(shard: Shard) -> str:
    with storage.open_read(shard.errors) as file:
        record = json.loads(file.readline())
    return f"the first is row {record['row']:,}: {record['reason']}"


def _write_end(shards: Sequence[Shard], output: Output, outcome: Outcome) -> None:
    """stats.json, and the errors of all shards in one file."""
    folder = output.state
    tally = outcome.tally
    data = tally.to_dict()
    data.pop("seconds")
    sources = {entry["input"]: {"documents": entry["documents"], "spun": entry["spun"], "share": _share(entry)} for entry in outcome.entries}
    stats = {
        **{name: data[name] for name in ("documents", "rows", "bytes", "spun", "changed", "edits", "failed")},
        "spun_share": _share(data),
        "broken_files": outcome.broken,
        "edits_by_family": data["families"],
        "top_pairs": data["pairs"],
        "sources": sources,
        "timings": {"seconds": round(outcome.seconds, 3), "workers": outcome.workers, "processor_seconds": tally.to_dict()["seconds"]},
    }
    storage.write(storage.join(folder, "stats.json"), json.dumps(stats, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    with_errors = {entry["done"] for entry in outcome.entries if entry["failed"]}
    failing = [shard for shard in shards if shard.name in with_errors]
    errors = storage.join(folder, "errors.jsonl")
    if not failing:
        storage.remove(errors)
        return
    with storage.create(errors) as file:
        for shard in failing:
            with storage.open_read(shard.errors) as content:
                shutil.copyfileobj(content, file, 1 << 20)


def _share(counts: dict[str, Any]) -> float:
    return round(counts["spun"] / counts["documents"], 6) if counts["documents"] else 0.0
