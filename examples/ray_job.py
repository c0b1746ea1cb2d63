"""Restore the texts of a corpus on Ray Data.

    python examples/ray_job.py examples/documents.jsonl /tmp/restored                    # on this machine, all cores
    RAY_ADDRESS=auto python examples/ray_job.py s3://in s3://out                         # on a cluster

Parquet or JSON lines in, Parquet out, with a column "verdict" beside the restored text. Needs `pip install 'restore-text[ray]'` on every node.
"""

import argparse

import pyarrow as pa
import pyarrow.compute as pc
import ray

from restore.integrations.ray import restore_column


def main() -> None:
    parser = argparse.ArgumentParser(description="Restore the texts of a corpus on Ray Data.")
    parser.add_argument("input", help="a folder or file of .parquet, or a file of JSON lines (.jsonl, .jsonl.gz, …)")
    parser.add_argument("output", help="a folder")
    parser.add_argument("--column", default="text", help="holds the texts (default: text)")
    parser.add_argument("--edits", action="store_true", help="keep the edits, in a column of that name")
    args = parser.parse_args()

    ray.init()
    documents = ray.data.read_json(args.input) if "json" in args.input else ray.data.read_parquet(args.input)
    restored = restore_column(documents, args.column, verdict=True, edits=args.edits)
    restored.write_parquet(args.output)

    counts = ray.data.read_parquet(args.output, columns=["verdict"]).map_batches(count, batch_format="pyarrow").sum(["documents", "spun"])
    print(f"{counts['sum(documents)']} documents, {counts['sum(spun)']} spun: {args.output}")


def count(batch: pa.Table) -> pa.Table:
    spun = pc.greater(pc.struct_field(batch["verdict"], "spun"), 0.5)
    return pa.table({"documents": [batch.num_rows], "spun": [pc.sum(spun, min_count=0).as_py()]})


if __name__ == "__main__":
    main()
