"""Fill the stage notebooks with the outputs of a run (`make notebooks`)."""

import json
import sys
from hashlib import sha256
from pathlib import Path

from nea_prospect.files import read_json
from nea_prospect.run import executed_notebooks, find_output

NOTEBOOKS = Path(__file__).resolve().parents[1] / "nbs"
MARK = "outputs_of"  # in the metadata of a notebook: checksum of the code that its outputs are of


def code_of(notebook):
    """Sources of the code cells, by id, without what papermill adds."""
    return {
        cell["id"]: "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "injected-parameters" not in cell["metadata"].get("tags", [])
    }


def checksum(notebook):
    """Checksum of the code of a notebook."""
    return sha256(json.dumps(list(code_of(notebook).values())).encode()).hexdigest()


def refill(notebook, executed):
    """Give code cells the outputs of an executed copy of the notebook; ValueError if its code is another."""
    if code_of(notebook) != code_of(executed):
        raise ValueError("the run was made by other code than the notebook has now")
    outputs = {cell["id"]: cell.get("outputs") for cell in executed["cells"]}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = outputs[cell["id"]]
    notebook["metadata"][MARK] = checksum(notebook)
    return notebook


def main(run):
    """Refill all stage notebooks of a complete run, or none."""
    filled, name = {}, ""
    try:
        find_output(run, "metrics.json", "scores")  # it is complete
        for path in executed_notebooks(run).values():
            name = f"{path.name}: "
            filled[NOTEBOOKS / path.name] = refill(read_json(NOTEBOOKS / path.name), read_json(path))
    except ValueError as error:
        sys.exit(f"{name}{error}; make report first")
    for path, notebook in filled.items():
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
