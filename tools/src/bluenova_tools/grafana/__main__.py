"""Writes grafana/dashboards: `make dashboards`."""

from pathlib import Path

from bluenova_tools.grafana.files import texts

FOLDER = Path(__file__).parents[4] / "grafana" / "dashboards"


def main() -> None:
    """Writes the file of each page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"wrote grafana/dashboards/{name}")


if __name__ == "__main__":
    main()
