"""Modules whose engine is not installed are no doctests: importing them raises, as it should."""

from __future__ import annotations

from importlib.util import find_spec

#: The modules of restore.integrations by what they import.
ENGINES = {"arrow": "pyarrow", "spark": "pyspark", "dolma_tagger": "dolma"}
ENGINES |= {name: name for name in ("ray", "datasets", "polars", "pandas", "datatrove", "spacy")}

collect_ignore = [f"restore/integrations/{name}.py" for name, package in ENGINES.items() if find_spec(package) is None]
