"""Each file includes only what its floor may: the floors that CMakeLists.txt names, and the third party of that floor."""

import re

from rows import ROOT, files, finish, text

# Who may include which third party, in files of src/. "torch" is every floor with TORCH in CMakeLists.txt; "all" is every floor.
THIRD_PARTY = [
    (r"spdlog/", "core"), (r"xxhash\.h", "core"),
    (r"yaml-cpp/", "config"),
    (r"jpeglib\.h|jerror\.h|turbojpeg\.h|opencv2/", "image"),
    (r"mpi\.h|nccl\.h|cuda_runtime_api\.h", "comm"),
    (r"archive\.h|archive_entry\.h", "model"),
    (r"cudnn\.h", "nn"),
    (r"boost/", "serve"),
    (r"dlib/", "tune"),
    (r"CLI/", "cli"),
    (r"nlohmann/", "all"),
    (r"torch/|ATen/|c10/", "torch"),
    (r"omp\.h", "torch"),
]
# What comes with the compiler and the system: <vector>, <unistd.h>, <sys/stat.h>, <immintrin.h>.
SYSTEM = re.compile(
    r"[a-z_0-9]+$|(sys|netinet|arpa|linux|net)/[a-z_0-9]+\.h$|"
    r"(unistd|fcntl|pthread|signal|poll|dirent|dlfcn|errno|netdb|sched|spawn|termios|time|stdio|ucontext|execinfo|"
    r"immintrin|x86intrin|cpuid|malloc|pwd|ftw|glob|fnmatch|elf|link)\.h$")
# A tensor may be named in a header of a torch floor, nothing more.
TORCH_IN_HEADERS = re.compile(r"(ATen/core/Tensor\.h|ATen/core/TensorBody\.h|c10/core/\w+\.h|c10/util/BFloat16\.h)$")
PRECOMPILED = "src/nn/torch.h"


def declared_floors():
    """floor -> (floors it may include, whether torch is open to it), from the floor() lines."""
    found = {"main": ({"cli", "core"}, False)}
    for name, rest in re.findall(r"^\s*floor\((\w+)\s+([^)]*)\)", text("CMakeLists.txt"), re.M):
        words = rest.split()
        named = words[words.index("FLOORS") + 1 :] if "FLOORS" in words else []
        end = next((i for i, word in enumerate(named) if word in ("LINK", "TORCH")), len(named))
        found[name] = (set(named[:end]) | {name}, "TORCH" in words)
    return found


def floor_of(path):
    if str(path) == "src/main.cpp":
        return "main"
    return path.parts[1] if path.parts[0] == "src" else path.parts[2]


def third_party_mistake(path, included, floor, torch):
    owner = next((who for pattern, who in THIRD_PARTY if re.match(pattern, included)), None)
    if owner is None:
        return None if SYSTEM.match(included) else "is in no list of tests/house/floors.py: which floor may include it?"
    if not (owner == "all" or owner == floor or (owner == "torch" and torch)):
        return f"belongs to {owner if owner != 'torch' else 'the floors with TORCH'}"
    if owner == "all" and path.suffix == ".h":
        return "stands in no header"
    if path.parts[0] == "include" and not (owner == "torch" and TORCH_IN_HEADERS.match(included)):
        return "belongs into src/: no contract shows third party"
    if owner == "torch" and path.suffix == ".h" and str(path) != PRECOMPILED and not TORCH_IN_HEADERS.match(included):
        return "costs whoever includes this header; name tensors by ATen/core/Tensor.h"
    if included == "torch/torch.h":
        return "costs every file 16 s of compiling; include single ATen headers"
    return None


def includes(path):
    """[(line number, name, is ours)]"""
    found = []
    for number, line in enumerate(text(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            found.append((number, match[2], match[1] == '"'))
    return found


def main():
    floors = declared_floors()
    sources = [p for p in files("*.cpp", "*.h", "*.def", "*.cu") if p.parts[0] in ("src", "include")]
    mistakes = []
    public_users = {}  # public header -> who includes it
    for path in sources:
        floor = floor_of(path)
        if floor not in floors:
            mistakes.append(f"{path}: {floor} is no floor() of CMakeLists.txt")
            continue
        allowed, torch = floors[floor]
        for number, included, ours in includes(path):
            where = f"{path}:{number}: {included}"
            if ours and included.startswith("lockstep/"):
                above = included.split("/")[1]
                public_users.setdefault(f"include/{included}", []).append(path)
                if above not in allowed:
                    mistakes.append(f"{where}: {floor} may include {', '.join(sorted(allowed - {floor})) or 'no other floor'}")
            elif ours:
                beside = ROOT / "src" / floor / included
                if not beside.is_file() or (path.parts[0] == "include"):
                    mistakes.append(f"{where}: no header beside the sources of {floor}; a contract of another floor is \"lockstep/...\"")
            else:
                wrong = third_party_mistake(path, included, floor, torch)
                if wrong:
                    mistakes.append(f"{where}: {wrong}")
    mistakes += private_contracts(sources, public_users)
    finish(mistakes, f"{len(sources)} files keep to their floors")


def private_contracts(sources, users):
    """A header is in include/ if and only if another floor reaches it, be it through a header that it includes directly."""
    public = {str(p) for p in sources if p.parts[0] == "include" and p.suffix == ".h"}
    reached = {h for h in public if any(floor_of(u) != floor_of_name(h) for u in users.get(h, []))}
    grown = True
    while grown:
        more = {h for h in public - reached if any(str(u) in reached for u in users.get(h, []))}
        grown = bool(more)
        reached |= more
    return [f"{h}: no other floor includes it; it belongs beside its source in src/{floor_of_name(h)}/" for h in sorted(public - reached)]


def floor_of_name(header):
    return header.split("/")[2]


if __name__ == "__main__":
    main()
