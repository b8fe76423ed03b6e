"""The table: its rows, how figures are written, and where it stands in README.md."""
import pathlib
import re

# The parts in the order of the table, and the headings of their rows.
HEADINGS = {
    "trips": "Round trips of `up`",
    "latency": "Time of `up` over a line",
    "loopback": "Time of `up` without a line",
    "loose": "Round trips of what cannot be in the pipeline",
    "noop": "Nothing to do",
    "big": "Big files",
    "start": "Start",
    "scan": "Reading SQL, in MB for each second of CPU",
    "instructions": "Instructions of the client",
}
COLUMNS = ("what is measured", "migrate", "against", "ratio")
BEGIN = "<!-- written by tests/bench/run: begin -->\n"
END = "\n<!-- written by tests/bench/run: end -->\n"


def line(cells):
    return "| {} |\n".format(" | ".join(cells))


def render(rows):
    return line(COLUMNS) + line(["---"] * len(COLUMNS)) + "".join(line(row) for row in rows)


def heading(part):
    return ("**{}**".format(HEADINGS[part]), "", "", "")


def faults(shown, parts=HEADINGS):
    """What is wrong with a table of these parts and the line of its origin, as they are shown."""
    origin, _, body = shown.partition("\n\n")
    rows = [tuple(cell.strip() for cell in text.strip("|").split(" | "))
            for text in body.splitlines()[2:]]
    found = ["no row: {}".format(row) for row in rows if not is_row(row)]
    if not re.fullmatch(r"\d{4}-\d\d-\d\d, .+, \d+ cores, .*PostgreSQL \d.*", origin):
        found.append("no origin: " + origin)
    if body != render(rows):
        found.append("not as it is written")
    headings = [row for row in rows if row[0].startswith("**")]
    if headings != [heading(part) for part in parts]:
        found.append("the headings are {}".format(headings))
    found += ["nothing under {}".format(row[0]) for row, below in zip(rows, [*rows[1:], None])
              if row in headings and (below is None or below in headings)]
    return found


def is_row(cells):
    """A heading, or figures of ours and perhaps of another with a ratio."""
    if len(cells) != len(COLUMNS):
        return False
    if cells[0].startswith("**"):
        return not any(cells[1:])
    return has_figure(cells[1]) and bool(cells[2]) == has_figure(cells[3])


def has_figure(cell):
    return re.search(r"\d", cell) is not None


def grouped(n):
    return "{:,}".format(n).replace(",", " ")


def listed(values):
    return " / ".join(str(value) for value in values)


def counts(values):
    return listed(grouped(n) for n in values)


def times(values_ms):
    """All of a list in one unit."""
    if max(values_ms) >= 2000:
        return listed(figure(ms / 1000) for ms in values_ms) + " s"
    return listed(figure(ms) for ms in values_ms) + " ms"


def megabytes(values):
    return listed("{:.1f}".format(mb) for mb in values) + " MB"


def millions(values):
    return listed(figure(n / 1e6) for n in values) + " million"


def figure(value):
    """About three digits."""
    if value >= 1000:
        return grouped(round(value))
    return "{:.{}f}".format(value, 0 if value >= 100 else 1 if value >= 10 else 2)


def ratios(ours, theirs):
    return listed("{:.2f}".format(a / b) if a / b >= 0.1 else "{:.2g}".format(a / b)
                  for a, b in zip(ours, theirs))


def in_readme(readme):
    """What stands between the marks in README.md, and where that begins and ends."""
    text = pathlib.Path(readme).read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[begin:end], begin, end


def write_into_readme(readme, shown):
    text = pathlib.Path(readme).read_text()
    _, begin, end = in_readme(readme)
    pathlib.Path(readme).write_text(text[:begin] + shown + text[end:])
