"""Corpora: many documents in large files, restored by several processes, resumable at any moment.

The room's modules, each importing only from those before it: `storage` (files, here and at URLs), `settings` and `inputs` (what is asked for),
`codecs` (compression), `restoring` (the one place where texts are restored), `rows`, `tables` and `archives` (formats), `parts` (one split of one
file), `manifest` and `statistics` (what is done), `workers` and `run` (who does it).
"""

from restore.corpus.inputs import Shard, find_shards
from restore.corpus.run import Outcome, run_corpus
from restore.corpus.settings import Settings

__all__ = ["Outcome", "Settings", "Shard", "find_shards", "run_corpus"]
