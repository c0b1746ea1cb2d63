"""Adaptors for the engines people process corpora with; each is a module of its own and imports its engine, nothing else here does.

`arrow` holds the one function from record batches to record batches; `spark`, `ray`, `datasets`, `polars` and `pandas` put it to work, each with
`restore_column(data, "text", ...)`. `datatrove`, `dolma`, `dolma_tagger` and `spacy` speak of documents and go through `Restorer.pipe`. Importing the module
of an engine that is not installed raises `MissingExtraError`, which names the command to install it.
"""
