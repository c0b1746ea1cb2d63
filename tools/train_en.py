"""Train the shipped model `en` and write the figures of its card.

Every 200th line of each text is held out, trained on by nobody, and gives the perplexity of its genre.
Run: python tools/train_en.py FOLDER, with news.txt.xz, encyclopedia.txt.xz, … (a paragraph a line) in FOLDER. 3 minutes and 7 GB of memory.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
from pathlib import Path

from restore.language_model import train_model

GENRES = ("news", "encyclopedia", "howto_tech_health", "reviews", "recipes_reviews_howto", "science")
HELD_OUT = 200
SIZE_MB = 27.9
ROOT = Path(__file__).parent.parent / "dictionaries"


def main() -> None:
    source = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, test = [], []
        for genre in GENRES:
            train.append(folder / f"{genre}.txt")
            test.append(folder / f"{genre}.held-out.txt")
            with lzma.open(source / f"{genre}.txt.xz", "rb") as lines, train[-1].open("wb") as kept, test[-1].open("wb") as held_out:
                for number, line in enumerate(lines):
                    (held_out if number % HELD_OUT == 0 else kept).write(line)
        report = train_model(train, ROOT / "en.model", size_limit_mb=SIZE_MB, test=test, progress=progress)
    Path("en.report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def progress(stage: str, done: int, total: int) -> None:
    if done == total:
        print(stage, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
