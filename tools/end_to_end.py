"""The real thing: make a corpus, run it undisturbed and then again killed at random moments and resumed, and compare the outputs byte for byte.

Run: python tools/end_to_end.py TEXT... (paragraphs, a line each; .txt, .xz or .gz) --megabytes 1000 --kills 10
Paragraphs become documents of some hundred words, of which one in twenty is spun with the shipped dictionaries. The corpus is written as one large JSONL.zst
file and as Parquet, both are run by `restore run` in a process of its own, and each kill is a SIGKILL.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import lzma
import random
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from restore.corpus.codecs import zstd_module
from restore.lexicon import data_path, find_files, read_files

SPUN = 0.05
RATE = 0.7


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--mode", default="fix")
    parser.add_argument("--split-size", default="32M")
    parser.add_argument("--folder", type=Path, default=Path("build/end_to_end"))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    args.folder.mkdir(parents=True, exist_ok=True)
    status = 0
    make(args.texts, args.folder, args.megabytes * 1_000_000, chance)
    for kind in ("corpus.jsonl.zst", "corpus.parquet"):
        options = ["--workers", str(args.workers), "--mode", args.mode, "--split-size", args.split_size, "--overwrite"]
        whole, resumed = (args.folder / f"{how}-{kind}" for how in ("whole", "resumed"))
        started = time.monotonic()
        run(args.folder / kind, whole, options).wait()
        elapsed = time.monotonic() - started
        stats = json.loads((Path(f"{whole}.restore") / "stats.json").read_text())
        processor = sum(stats["timings"]["processor_seconds"].values())
        print(
            f"{kind}: {stats['documents']:,} documents, {stats['bytes'] / 1e6:,.1f} MB, {stats['spun_share']:.1%} spun; undisturbed {elapsed:.1f} s, "
            f"{stats['bytes'] / 1e6 / elapsed:.2f} MB/s with {args.workers} workers, {stats['bytes'] / 1e6 / processor:.2f} MB/s a processor second",
            flush=True,
        )
        splits = max(1, round(stats["bytes"] / size_of(args.split_size)))
        kills = 0
        started = time.time()
        for number in range(args.kills):
            # A random number of splits further on, and then at any moment of the next one.
            wanted = (splits_done(resumed) if number else 0) + chance.randint(0, max(1, round(1.5 * splits / args.kills)))
            process = run(args.folder / kind, resumed, options if number == 0 else options[:-1])
            while process.poll() is None and ((number == 0 and not begun(resumed, started)) or splits_done(resumed) < wanted):
                time.sleep(0.01)
            time.sleep(chance.random() * elapsed / splits)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                print(f"  killed with {splits_done(resumed)} of some {splits} splits done", flush=True)
        run(args.folder / kind, resumed, options[:-1]).wait()
        same = digest(whole) == digest(resumed)
        print(f"  {kills} kills, then resumed: {'the same bytes' if same else 'OTHER BYTES'} ({digest(whole)[:16]})", flush=True)
        status |= not same
    return status


def run(source: Path, target: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the command."""
    return subprocess.Popen([sys.executable, "-m", "restore", "run", str(source), str(target), *options], stdout=subprocess.DEVNULL)


def splits_done(target: Path) -> int:
    """Splits of an output that are finished."""
    return len(list(Path(f"{target}.restore").glob("parts/*/*.json")))


def begun(target: Path, since: float) -> bool:
    """Whether a run has opened its output since then."""
    manifest = Path(f"{target}.restore") / "manifest.json"
    return manifest.exists() and manifest.stat().st_mtime >= since


def size_of(text: str) -> int:
    """Bytes of a size such as 32M."""
    return int(text.rstrip("KMG")) << {"K": 10, "M": 20, "G": 30}.get(text[-1], 0)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        found = hashlib.sha256()
        while data := file.read(1 << 20):
            found.update(data)
    return found.hexdigest()


def make(texts: Sequence[Path], folder: Path, size: int, chance: random.Random) -> None:
    """Write the corpus, in both formats."""
    swaps = substitutions()
    written = 0
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("spun", pa.bool_())])
    with zstd_module().ZstdFile(folder / "corpus.jsonl.zst", "w") as lines, pq.ParquetWriter(folder / "corpus.parquet", schema, compression="zstd") as table:
        batch: list[dict[str, Any]] = []
        for number, text in enumerate(documents(texts, chance)):
            spun = chance.random() < SPUN
            row = {"id": f"{number}", "text": spin(text, swaps, chance) if spun else text, "spun": spun}
            lines.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            batch.append(row)
            written += len(row["text"].encode())
            if len(batch) == 200 or written >= size:
                table.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
            if written >= size:
                return
    print(f"the texts give {written / 1e6:.0f} MB only", file=sys.stderr)


def documents(texts: Sequence[Path], chance: random.Random) -> Iterator[str]:
    """Paragraphs in groups of some hundred words."""
    for path in texts:
        opened: Any = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
        with opened(path, "rt", encoding="utf-8") as file:
            group: list[str] = []
            words, wanted = 0, chance.randint(80, 900)
            for line in file:
                group.append(line.rstrip("\n"))
                words += line.count(" ") + 1
                if words >= wanted:
                    yield "\n\n".join(group)
                    group, words, wanted = [], 0, chance.randint(80, 900)


def substitutions() -> dict[str, list[str]]:
    """What spinners write for a word, by the shipped rows of single words."""
    swaps: dict[str, list[str]] = defaultdict(list)
    for file in read_files(find_files([data_path() / "thesaurus"]), shipped=True):
        for row in file.rows:
            if row.weight >= 2 and " " not in row.original and row.observed != row.original:
                swaps[row.original].append(row.observed)
    return swaps


def spin(text: str, swaps: dict[str, list[str]], chance: random.Random) -> str:
    """A text with words swapped for thesaurus entries."""

    def swap(match: re.Match[str]) -> str:
        choices = swaps.get(match[0])
        return chance.choice(choices) if choices and chance.random() < RATE else match[0]

    return re.sub(r"[a-z]+", swap, text)


if __name__ == "__main__":
    sys.exit(main())
