"""Files and functions stay small: a list of what is past "think again", an error past "stop"."""

import re

from rows import files, finish, text

LIMITS = {"header": (150, 250), "source": (300, 500), "test": (400, 600), "function": (40, 60)}
SCOPE = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b")


def bare(source):
    """The code without comments, strings and preprocessor lines; line breaks stay."""
    def blank(match):
        return "\n" * match[0].count("\n")

    source = re.sub(r'R"(\w*)\((?:.|\n)*?\)\1"', blank, source)
    source = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|//[^\n]*|/\*(?:.|\n)*?\*/', blank, source)
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", blank, source, flags=re.M)


def functions(source):
    """[(first line, lines)] of every function that stands in a namespace or class: a brace after parentheses, up to its partner."""
    code = bare(source)
    found, i, start = [], 0, 0
    while i < len(code):
        c = code[i]
        if c in ";}":
            start = i + 1
        elif c == "{":
            head = re.sub(r"template\s*<[^{;]*?>\s*(?=\b(?:class|struct|[\w:]))", "", code[start:i])
            if SCOPE.search(head.split("(")[0]):
                start = i + 1  # look inside
            else:
                end = partner(code, i)
                if "(" in head:
                    first = code.count("\n", 0, start + len(code[start:i]) - len(code[start:i].lstrip())) + 1
                    found.append((first, code.count("\n", 0, end) + 2 - first))
                start = i = end
                start += 1
        i += 1
    return found


def partner(code, i):
    depth = 0
    for j in range(i, len(code)):
        depth += (code[j] == "{") - (code[j] == "}")
        if depth == 0:
            return j
    return len(code) - 1


def main():
    stop, think, lengths = [], [], []
    for path in files("*.h", "*.cpp", "*.cu"):
        source = text(path)
        kind = "test" if path.parts[0] == "tests" else "header" if path.suffix == ".h" else "source"
        sized = [(kind, str(path), source.count("\n"))]
        if path.parts[0] in ("src", "include"):
            found = functions(source)
            lengths += [lines for _, lines in found]
            sized += [("function", f"{path}:{first}", lines) for first, lines in found]
        for what, where, lines in sized:
            again, limit = LIMITS[what]
            if lines > limit:
                stop.append(f"{where}: {what} of {lines} lines, stop at {limit}")
            elif lines > again:
                think.append(f"{where}: {what} of {lines} lines, think again at {again}")
    print("\n".join(think))
    lengths.sort()
    if lengths:
        print(f"{len(lengths)} functions: half under {lengths[len(lengths) // 2] + 1} lines, nine in ten under {lengths[len(lengths) * 9 // 10] + 1}")
    finish(stop, "no file and no function is past its limit")


main()
