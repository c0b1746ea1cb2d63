"""Train a shipped model, `en` or `en-historical`, and write the figures of its card.

Every 200th line of each text is held out, trained on by nobody, and gives the perplexity of its genre.
Run: python tools/train_en.py FOLDER [MODEL], with news.txt.xz, encyclopedia.txt.xz, … (a paragraph a line) in FOLDER. 3 minutes and 7 GB of memory for `en`.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
from pathlib import Path

from restore.language_model import train_model

#: For each model: size, and texts with the share of their lines that is read (1 in so many).
MODELS = {
    "en": (27.9, {"news": 1, "encyclopedia": 1, "howto_tech_health": 1, "reviews": 1, "recipes_reviews_howto": 1, "science": 1}),
    # Modern English in small parts: it lends names and words, and may not crowd out the n-grams of the period.
    "en-historical": (11.9, {"historical": 1, "encyclopedia": 5, "news": 15, "howto_tech_health": 15, "reviews": 5, "recipes_reviews_howto": 15, "science": 1}),
}
HELD_OUT = 200
ROOT = Path(__file__).parent.parent / "dictionaries"


def main() -> None:
    source = Path(sys.argv[1])
    model = sys.argv[2] if len(sys.argv) > 2 else "en"
    size, genres = MODELS[model]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, test = [], []
        for genre, share in genres.items():
            train.append(folder / f"{genre}.txt")
            test.append(folder / f"{genre}.held-out.txt")
            with lzma.open(source / f"{genre}.txt.xz", "rb") as lines, train[-1].open("wb") as kept, test[-1].open("wb") as held_out:
                for number, line in enumerate(lines):
                    if number % HELD_OUT == 0:
                        held_out.write(line)
                    elif number % share == 1 % share:
                        kept.write(line)
        report = train_model(train, ROOT / f"{model}.model", size_limit_mb=size, test=test, progress=progress)
    Path(f"{model}.report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def progress(stage: str, done: int, total: int) -> None:
    if done == total:
        print(stage, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
