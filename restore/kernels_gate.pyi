from typing import Any

COMPILED: bool

def screen(*args: Any) -> int: ...
