"""Measure, tabulate and plot: peers, cost curves, limits. Writes results.json, throughput.png and the tables of README.md in this folder.

    RESTORE_BENCH_TEXT=news.txt python benchmarks/curves.py [--only systems,input,…] [--rounds 5]

Everything is CPU time (`time.process_time`, children by getrusage) and medians over interleaved rounds, so that a busy machine disturbs it little.
Cases whose memory counts run in a process of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import workload

import restore
from restore.batch import join

HERE = Path(__file__).parent
RESULTS, README, PLOT = HERE / "results.json", HERE / "README.md", HERE / "throughput.png"
BEGIN, END = "<!-- results: made by curves.py -->\n", "<!-- end of results -->\n"

Row = dict[str, Any]


def cpu(function: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def peak_memory() -> float:
    """Peak resident memory of this process so far, MB."""
    try:
        # Not getrusage: on Linux a new process starts from the peak of the one that started it.
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def drain(restorer: restore.Restorer, documents: Iterator[str]) -> Row:
    """Pipe documents, keep nothing; bytes, decoded documents and CPU seconds without what making the documents takes."""
    size = decoded = count = 0
    made = 0.0

    def feed() -> Iterator[str]:
        nonlocal size, made, count
        while True:
            start = time.process_time()
            document = next(documents, None)
            made += time.process_time() - start
            if document is None:
                return
            size += len(document)
            count += 1
            yield document

    start = time.process_time()
    for result in restorer.pipe(feed()):
        decoded += result.verdict.sites > 0
    seconds = time.process_time() - start - made
    return {"MB": size / 1e6, "documents": count, "decoded %": 100 * decoded / count, "MB/s": size / 1e6 / seconds, "peak MB": peak_memory()}


# --- sections: each gives rows of a table ------------------------------------------------------------------------------


def systems(rounds: int) -> list[Row]:
    """Every system on the same documents of 2 kB, in turns."""
    restorer = restore.load()
    sizes = {"clean": 12_000_000, "spun": 600_000}
    small = {"flashtext": 400_000, "spaCy PhraseMatcher": 100_000, "re (5k)": 30_000}
    texts = {"clean": workload.cut_documents(workload.clean_text(), total=sizes["clean"]), "spun": workload.cut_documents(workload.spun_text(sizes["spun"]))}
    buffers = {kind: join(documents) for kind, documents in texts.items()}
    names = ["restore, pipe", "restore, batch", *(name for name in workload.PEERS if importlib.util.find_spec(workload.PEERS[name][0]))]
    rates: dict[tuple[str, str], list[float]] = {(name, kind): [] for name in names for kind in texts}
    agreement = {name: workload.agreement(name, texts["clean"][:20]) for name in names[2:]}
    for _ in range(rounds):
        for kind, documents in texts.items():
            for name in names:
                if name == "restore, pipe":
                    size, seconds = workload.n_bytes(documents), cpu(lambda given=documents: [None for _ in restorer.pipe(given)])  # type: ignore[misc]
                elif name == "restore, batch":
                    size, seconds = len(buffers[kind][0]), cpu(lambda given=buffers[kind]: restorer.batch(*given))  # type: ignore[misc]
                else:
                    replace = workload.make_peer(name)
                    part = documents[: small.get(name, 1_000_000) // workload.DOCUMENT]
                    size, seconds = workload.n_bytes(part), cpu(lambda replace=replace, part=part: [replace(text) for text in part])  # type: ignore[misc]
                rates[name, kind].append(size / 1e6 / seconds)
    rows = []
    for name in names:
        row: Row = {"system": name if name.startswith("restore") else f"{name}: {workload.describe_peer(name)}"}
        for kind in texts:
            ratios = [ours / theirs for ours, theirs in zip(rates["restore, pipe", kind], rates[name, kind], strict=True)]
            row |= {f"{kind}, MB/s": statistics.median(rates[name, kind]), f"{kind}: restore is × as fast": statistics.median(ratios)}
        rows.append({**row, "agrees with the oracle": agreement.get(name, "")})
    return rows


def stages(rounds: int) -> list[Row]:
    """CPU of each stage, of the gate against tokenising and matching, of threads."""
    from restore.detect import make_lanes
    from restore.tokenizer import tokenize

    restorer = restore.load()
    ungated = restore.load(gate=False)
    assert restorer.gate is not None
    clean, offsets = join(workload.cut_documents(workload.clean_text(), total=2_000_000))
    spun = workload.cut_documents(workload.spun_text(200_000))
    chunks = {"clean": clean[:30_000], "spun": "".join(spun).encode()[:30_000]}
    lanes, *_ = make_lanes(restorer.lexicon.families)
    texts = [chunk.decode("utf-8", "ignore") for chunk in chunks.values()]
    many = workload.cut_documents(workload.clean_text(), total=12_000_000)
    cases: dict[str, tuple[int, Callable[[], object]]] = {"gate": (len(clean), lambda: restorer.gate.screen(clean, offsets))}  # type: ignore[union-attr]
    for (kind, chunk), text in zip(chunks.items(), texts, strict=True):
        lattice, belief = ungated.lattice(chunk), ungated.analyse(text).belief
        graph, edits = ungated.decoder().forward(lattice, belief.lanes).graph, ungated.restore(text).edits
        cases |= {
            f"tokenise, {kind}": (len(chunk), lambda chunk=chunk: tokenize(chunk)),  # type: ignore[misc]
            f"tokenise, match, lattice, {kind}": (len(chunk), lambda chunk=chunk: ungated.lattice(chunk)),  # type: ignore[misc]
            f"forward score, {kind}": (len(chunk), lambda lattice=lattice: ungated.decoder().forward(lattice, lanes)),  # type: ignore[misc]
            f"backward, decode, {kind}": (
                len(chunk),
                lambda graph=graph, belief=belief: ungated.decoder().backward(graph, belief.lanes, belief.weights),  # type: ignore[misc]
            ),
            f"write, {kind}": (len(chunk), lambda text=text, edits=edits: restore.edits.apply(text, edits)),  # type: ignore[misc]
            f"whole, without gate, {kind}": (len(chunk), lambda text=text: ungated.restore(text)),  # type: ignore[misc]
        }
    for threads in (1, 2):
        cases[f"pipe, {threads} thread{'s' * (threads > 1)}"] = (
            workload.n_bytes(many),
            lambda threads=threads: [None for _ in restorer.pipe(many, threads=threads)],  # type: ignore[misc]
        )
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (size, function) in cases.items():
            repeats = max(1, 200_000 // size) if "tokenise" in name or "write" in name else 1
            rates[name].append(size * repeats / 1e6 / cpu(lambda function=function, repeats=repeats: [function() for _ in range(repeats)]))  # type: ignore[misc]
    return [{"stage": name, "MB/s": statistics.median(values)} for name, values in rates.items()]


def in_process(case: str, *arguments: object) -> Row:
    """A case in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--case", case, *map(str, arguments)], capture_output=True, text=True, check=True)
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def case_input(size: str) -> Row:
    restorer = restore.load()
    return drain(restorer, workload.repeat(workload.clean_text()[:4_000_000], int(float(size))))


def case_rows(count: str) -> Row:
    """Synthetic rows in a user layer on top of the shipped dictionaries."""
    chance, n = random.Random(1), int(count)
    syllables = ["ba", "ke", "lo", "mi", "ru", "ta", "ven", "sol", "dar", "pin", "gra", "ho", "ju", "qua", "zi", "fe"]
    words: set[str] = set()
    while len(words) < n:
        words.add("".join(chance.choices(syllables, k=5)))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESTORE_CACHE"] = folder
        path = Path(folder) / "rows.tsv"
        rows = (f"{word}\t{chance.choice(['word', 'house', 'big', 'take', 'leader', 'war'])}\tx\t1\t\n" for word in sorted(words))
        path.write_text("observed\toriginal\tpos\tweight\tnote\n" + "".join(rows), encoding="utf-8")
        # Compiled in a child, so that this process has the memory of using it.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = "import sys; sys.path.insert(0, sys.argv[2]); import curves, restore; restore.load([sys.argv[1]]); print(curves.peak_memory())"
        peak = subprocess.run([sys.executable, "-c", code, path, HERE], capture_output=True, text=True, check=True).stdout
        compiling = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime
        restorer = restore.load([path])
        row = drain(restorer, workload.repeat(workload.clean_text()[:4_000_000], 8_000_000))
        chunk = workload.clean_text().encode()[:30_000]
        restorer.lattice(chunk)
        matching = statistics.median(cpu(lambda: restorer.lattice(chunk)) for _ in range(9))
    return {
        "rows": n,
        "compile, CPU s": compiling,
        "compile, peak MB": float(peak),
        **row,
        "match and lattice, MB/s": len(chunk) / 1e6 / matching,
    }


def case_documents(size: str) -> Row:
    n = int(size)
    total = max(8_000_000, 2 * n)
    text = workload.clean_text()
    documents = workload.cut_documents(text, n, total)
    del text
    return {"document, bytes": n, **drain(restore.load(), iter(documents))}


def case_share(percent: str) -> Row:
    share = int(percent) / 100
    total = {0: 8_000_000, 1: 8_000_000, 10: 4_000_000}.get(int(percent), 400_000)
    clean = workload.cut_documents(workload.clean_text(), total=total)
    spun = workload.cut_documents(workload.spun_text(400_000))
    chance = random.Random(1)
    mixed = [chance.choice(spun) if chance.random() < share else document for document in clean]
    return {"spun %": int(percent), **drain(restore.load(), iter(mixed))}


def case_line(size: str) -> Row:
    """One line of so many bytes."""
    text = " ".join(workload.repeat(workload.clean_text()[:2_000_000].replace("\n", " "), int(float(size))))
    before = peak_memory()
    restorer = restore.load()
    seconds = cpu(lambda: restorer.restore(text))
    return {"MB": len(text) / 1e6, "CPU s": seconds, "MB/s": len(text) / 1e6 / seconds, "before, peak MB": before, "peak MB": peak_memory()}


def case_spun_line(size: str) -> Row:
    """One spun line of so many bytes, decoded as one document."""
    documents = workload.cut_documents(workload.spun_text(200_000).replace("\n", " "))
    text = " ".join(documents * (int(float(size)) // 200_000 + 1))[: int(float(size))]
    before = peak_memory()
    restorer = restore.load()
    seconds = cpu(lambda: restorer.restore(text))
    return {"MB": len(text) / 1e6, "CPU s": seconds, "MB/s": len(text) / 1e6 / seconds, "before, peak MB": before, "peak MB": peak_memory()}


def case_million(count: str) -> Row:
    documents = workload.cut_documents(workload.clean_text(), 100, 100 * int(count))
    restorer = restore.load()
    data, offsets = join(documents)
    del documents
    seconds = cpu(lambda: restorer.batch(data, array("q", offsets)))
    return {"documents": len(offsets) - 1, "CPU s": seconds, "µs a document": 1e6 * seconds / (len(offsets) - 1), "peak MB": peak_memory()}


def limits(rounds: int) -> list[Row]:
    """Start-up, uncompiled kernels, extremes."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text("".join(workload.cut_documents(workload.clean_text(), total=10_000)), encoding="utf-8")
        executable = str(Path(sys.executable).with_name("restore"))
        for name, command in {"restore --help": [executable, "--help"], "restore fix, 10 kB": [executable, "fix", str(path)]}.items():
            times = []
            for _ in range(2 * rounds + 1):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run(command, capture_output=True, check=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            rows.append({"what": f"`{name}`", "result": f"{statistics.median(times):.3f} s CPU"})
    for size in ("1e6", "1e7"):
        row = in_process("line", size)
        memory = f"peak {row['peak MB']:.0f} MB of memory"
        rows.append({"what": f"one clean line of {row['MB']:.0f} MB", "result": f"{row['CPU s']:.2f} s CPU, {row['MB/s']:.1f} MB/s, {memory}"})
    for size in ("2e5", "1e6"):
        row = in_process("spun_line", size)
        memory = f"peak {row['peak MB']:.0f} MB of memory ({row['before, peak MB']:.0f} before loading)"
        rows.append({"what": f"one spun line of {row['MB']:.1f} MB", "result": f"{row['CPU s']:.2f} s CPU, {row['MB/s']:.2f} MB/s, {memory}"})
    for count in (100_000, 1_000_000):
        row = in_process("million", count)
        told = f"{row['CPU s']:.2f} s CPU, {row['µs a document']:.2f} µs each, peak {row['peak MB']:.0f} MB"
        rows.append({"what": f"{row['documents']:,} clean documents of 100 bytes, batch", "result": told})
    row = in_process("uncompiled")
    told = f"{row['pipe, MB/s']:.2f} MB/s through pipe, {row['gate, MB/s']:.2f} the gate alone"
    rows.append({"what": "kernels uncompiled, clean text", "result": told})
    return rows


def case_uncompiled() -> Row:
    """The kernels as Python, by hiding the compiled ones."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(restore.__file__).parent
        shutil.copytree(package, Path(folder) / "restore", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
        os.symlink(package.parent / "dictionaries", Path(folder) / "restore" / "data")
        program = (
            "import json, sys, time; sys.path[:0] = sys.argv[1:3]\n"
            "import restore, restore.kernels, restore.kernels_gate, workload\n"
            "from restore.batch import join\n"
            "assert not restore.kernels.COMPILED and not restore.kernels_gate.COMPILED\n"
            "r = restore.load(); documents = workload.cut_documents(workload.clean_text(), total=1_000_000)\n"
            "t = time.process_time(); list(r.pipe(documents)); pipe = time.process_time() - t\n"
            "t = time.process_time(); r.gate.screen(*join(documents)); gate = time.process_time() - t\n"
            "print(json.dumps({'pipe, MB/s': 1 / pipe, 'gate, MB/s': 1 / gate}))\n"
        )
        command = [sys.executable, "-S", "-c", program, folder, str(HERE)]
        sites = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join([folder, sites])})
        if done.returncode:
            raise RuntimeError(done.stderr)
    row: Row = json.loads(done.stdout)
    return row


def inputs(rounds: int) -> list[Row]:
    return [in_process("input", size) for size in ("1e6", "1e7", "1e8", "1e9")]


def dictionary(rounds: int) -> list[Row]:
    return [in_process("rows", count) for count in (5_000, 50_000, 500_000)]


def documents(rounds: int) -> list[Row]:
    return [in_process("documents", 10**k) for k in range(2, 8)]


def shares(rounds: int) -> list[Row]:
    return [in_process("share", percent) for percent in (0, 1, 10, 100)]


SECTIONS: dict[str, tuple[str, Callable[[int], list[Row]]]] = {
    "systems": ("Systems, documents of 2 kB", systems),
    "stages": ("Stages", stages),
    "input": ("Input size (clean, streamed through `pipe`)", inputs),
    "rows": ("Rows of a user's layer, on top of the shipped dictionaries (clean text)", dictionary),
    "documents": ("Size of documents (clean)", documents),
    "shares": ("Share of spun documents", shares),
    "limits": ("Start-up and extremes", limits),
}


# --- output -------------------------------------------------------------------------------------------------------------


def machine() -> str:
    """What it was measured on."""
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor() or platform.machine())
    versions = f"Python {platform.python_version()}, restore {restore.__version__}"
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{model}, {os.cpu_count()} cores ({load}: a busy machine), {platform.system()}, {versions}, {datetime.now(timezone.utc):%Y-%m-%d}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def show(value: object) -> str:
    """A cell: three significant digits."""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(rows: list[Row]) -> str:
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([show(row[name]) for name in head] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def render(results: dict[str, Any]) -> None:
    """The tables of the README and the plot."""
    parts = [f"### {SECTIONS[key][0]}\n{results[key]['machine']}\n\n{table(results[key]['rows'])}\n" for key in SECTIONS if key in results]
    text = README.read_text(encoding="utf-8")
    README.write_text(text[: text.index(BEGIN) + len(BEGIN)] + "\n" + "".join(parts) + text[text.index(END) :], encoding="utf-8")
    if "systems" not in results:
        return
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows = sorted(results["systems"]["rows"], key=lambda row: row["clean, MB/s"])
    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=100)
    for shift, kind, colour in ((0.2, "clean", "#2a6f97"), (-0.2, "spun", "#e07a5f")):
        heights = [row[f"{kind}, MB/s"] for row in rows]
        bars = axes.barh([k + shift for k in range(len(rows))], heights, 0.38, label=f"{kind} text", color=colour)
        axes.bar_label(bars, fmt="%.3g", padding=2, fontsize=8)
    axes.set_yticks(range(len(rows)), [row["system"].split(":")[0] for row in rows])
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("MB a second of CPU time, one core, log scale")
    axes.set_title("restore decides by context; the others replace phrases", fontsize=10)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(PLOT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"sections to measure anew (default: {','.join(SECTIONS)}); '' only draws")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, of which the median counts (default: 5)")
    parser.add_argument("--case", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(globals()[f"case_{args.case[0]}"](*args.case[1:])))
        return
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for key in filter(None, args.only.split(",")):
        if key not in SECTIONS:
            parser.error(f"no section {key!r}; there are {', '.join(SECTIONS)}")
        print(f"{key} …", file=sys.stderr, flush=True)
        results[key] = {"machine": machine(), "rows": SECTIONS[key][1](args.rounds)}
        print(table(results[key]["rows"]), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    render(results)


if __name__ == "__main__":
    main()
