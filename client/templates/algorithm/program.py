"""Mean age of one block of people.

The contract: read /mnt/input/input.json and /mnt/input/data/, write /mnt/output/result.json, one flat JSON object with
exactly the declared outputs. Nothing else leaves the chamber: no network, no logs, no other file.
"""

import csv
import json
import sys
from pathlib import Path

INPUT = Path("/mnt/input")
RESULT = Path("/mnt/output/result.json")


def main() -> None:
    """Write the block's mean age; a block without people writes nothing and counts as the default."""
    if "--describe" in sys.argv:
        print(json.dumps({"outputs": ["mean_age"]}))
        return
    with (INPUT / "data" / "subjects.csv").open(newline="") as table:
        ages = [float(row["age"]) for row in csv.DictReader(table) if row["age"]]
    RESULT.write_text(json.dumps({"mean_age": sum(ages) / len(ages)}))


if __name__ == "__main__":
    main()
