"""What the documents promise, read from their text."""

import re


def unique_ids(document: str, mcu_id: str = "1A2B3C4D") -> set[str]:
    """The unique ids that its contract lists; `cell_v_01` … `cell_v_16` stands for all of them."""
    contract = document.partition("## Unique ids")[2].partition("\n## ")[0]
    ids = set[str]()
    for row in contract.splitlines():
        if not row.startswith("| `"):
            continue
        keys = re.findall(r"`(\w+)`", row.split("|")[1])
        if "…" in row.split("|")[1]:
            first, last = keys
            stem = first[:-2]
            keys = [f"{stem}{number:02d}" for number in range(int(first[-2:]), int(last[-2:]) + 1)]
        ids |= {f"bluenova_{mcu_id}_{key}" for key in keys}
    return ids


def examples(document: str) -> dict[str, str]:
    """The YAML examples by their name, which stands in their first line as a comment."""
    found = re.findall(r"```yaml\n# (.+?)\n(.*?)```", document, re.DOTALL)
    return dict(found)


def marked_sql(document: str) -> dict[str, str]:
    """The SQL blocks that tests run, by the name in the comment before each."""
    found = re.findall(
        r"<!-- run by tests: (\w+) -->\n```sql\n(.*?)^```$", document, re.MULTILINE | re.DOTALL
    )
    return dict(found)
