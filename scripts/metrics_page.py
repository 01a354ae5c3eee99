"""Writes the table of metrics in docs/metrics.md: between its two marks, a row for each that is declared in server/measured.py."""

from pathlib import Path

from chat_server.server.measured import METRICS

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"
BEGIN, END = "<!-- scripts/metrics-page writes what follows -->", "<!-- to here -->"


def with_table(page: str) -> str:
    """The page with the table as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [f"| `{metric.name}` | {metric.kind} | {metric.help}{by(metric.labels)} |" for metric in METRICS]
    table = "\n".join(["| metric | kind | what it says |", "| --- | --- | --- |", *rows])
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def by(labels: tuple[str, ...]) -> str:
    """By which labels the values of one differ."""
    return f" (by {', '.join(f'`{label}`' for label in labels)})" if labels else ""


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
