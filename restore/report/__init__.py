"""Results for people and for programs: marks, unified diffs, tables, JSON Lines."""
