"""What pyproject.toml declares."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def package(requirement):
    """Name of the package that a requirement asks for."""
    return re.split(r"[<>=!~\[ ]", requirement)[0].lower().replace("_", "-")


def lowest(requirement):
    """Turn a requirement into a constraint to the lowest version that it allows."""
    name, version = re.match(r"([\w.-]+)>=([\w.]+)", requirement).groups()
    return f"{name}=={version}"


if __name__ == "__main__" and sys.argv[1] == "lowest":  # constraints
    print("\n".join(map(lowest, PROJECT["dependencies"])))
