"""What SageMaker lays below /opt/ml for a training container -> how the program is called, and where its results go."""

import dataclasses
import json
import os
import pathlib
import shutil

DATA_CHANNELS = ("train", "validation")
LIST_CHANNELS = ("train_lst", "validation_lst")
FAILURE_CHARACTERS = 1024
# One file in a channel that stands for all of it; several records are the shards of one set.
LISTINGS = (".manifest", ".jsonl", ".lst", ".csv", ".json")
REPORTS = ("log.txt", "metrics.jsonl", "summary.json", "config.yaml", "hyperparameters.json")


class Refusal(Exception):
    """The job cannot run as it was asked for; the text says why and what to change."""


@dataclasses.dataclass
class Group:
    """The hosts of a job, and which of them this one is."""

    hosts: list  # in SageMaker's order; the first one leads
    here: str
    interface: str  # of the network between hosts; empty where it is not said

    def leads(self):
        return self.here == self.hosts[0]


@dataclasses.dataclass
class Job:
    arguments: list  # of `lockstep train`
    output: pathlib.Path  # run.output
    notes: list


def read_json(base, *names):
    """The first of these files of input/config that exists, as an object; empty where none does."""
    for path in (base / "input/config" / name for name in names):
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            continue
        except ValueError as error:
            raise Refusal(f"{path}: not valid JSON: {error}") from None
        if not isinstance(content, dict):
            raise Refusal(f"{path}: an object of names and values is expected")
        return content
    return {}


def read_group(base):
    """Refusal where it cannot be said who belongs to the job."""
    resources = read_json(base, "resourceconfig.json", "resourceConfig.json")
    hosts = resources.get("hosts") or [resources.get("current_host", "localhost")]
    here = resources.get("current_host", hosts[0])
    if here not in hosts:
        raise Refusal(f"resourceconfig.json: current_host {here} is none of the hosts {', '.join(hosts)}")
    return Group(hosts, here, resources.get("network_interface_name", ""))


def read_job(base, group):
    """The rest of the contract. Refusal where it cannot be kept."""
    config, overrides = read_hyperparameters(base)
    notes = []
    channels = read_channels(base, len(group.hosts), notes)
    output = next((text.partition("=")[2] for text in overrides if text.startswith("run.output=")), "")
    if not output:
        output = str(base / "checkpoints")
        overrides.append(f"run.output={output}")
    return Job([str(config), *channels, *overrides], pathlib.Path(output), notes)


def read_hyperparameters(base):
    """The file for the program, and those of its settings that SageMaker's file has no word for, as `run.name=value`."""
    original = base / "input/config/hyperparameters.json"
    given = read_json(base, original.name)
    if not given:
        raise Refusal(f"{original}: there are no hyperparameters; num_layers, image_shape, epochs and the like are expected")
    plain = {name: plain_text(value) for name, value in given.items()}
    overrides = [f"{name}={value}" for name, value in plain.items() if name.startswith("run.")]
    algorithm = {name: value for name, value in plain.items() if not name.startswith("run.")}
    if algorithm == given:
        return original, []
    # Outside of what SageMaker uploads, and at the same place on every host.
    cleaned = make_folder(base / "output/config") / original.name
    cleaned.write_text(json.dumps(algorithm, indent=1))
    return cleaned, overrides


def plain_text(value):
    """Some clients encode each value as JSON once more: "\\"3,224,224\\"" is 3,224,224."""
    if isinstance(value, str) and value[:1] == value[-1:] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            pass
    return value


def read_channels(base, hosts, notes):
    """Settings `channels.name=place` for the program."""
    data = base / "input/data"
    described = read_json(base, "inputdataconfig.json")
    if not described and data.is_dir():
        described = {folder.name: {} for folder in sorted(data.iterdir())}
    settings = []
    for name, about in described.items():
        if name == "pretrained":
            continue
        if name not in (*DATA_CHANNELS, *LIST_CHANNELS, "model"):
            notes.append(f"the channel {name} is ignored; train, validation, train_lst, validation_lst and model are read")
            continue
        check_channel(name, about, hosts)
        if not (data / name).is_dir():
            raise Refusal(f"the channel {name}: there is no {data / name}")
        settings.append(f"channels.{name}={place_of(name, data / name)}")
        if name in DATA_CHANNELS and about.get("ContentType"):
            settings.append(f"channels.{name}.content_type={about['ContentType']}")
    if "train" not in described:
        raise Refusal(f"there is no channel train; given: {', '.join(described) or 'none'}")
    return settings


def check_channel(name, about, hosts):
    if about.get("TrainingInputMode", "File") not in ("File", "FastFile"):
        raise Refusal(f"the channel {name} comes in the input mode {about['TrainingInputMode']}, which is not read here; "
                      "ask for File or FastFile")
    if hosts > 1 and about.get("S3DistributionType") == "ShardedByS3Key":
        raise Refusal(f"the channel {name} is ShardedByS3Key: each of the {hosts} hosts has another part of it, but the ranks divide "
                      "the samples among themselves and need all of them; ask for FullyReplicated")
    if about.get("RecordWrapperType", "None") not in ("None", "", None) and name in DATA_CHANNELS:
        raise Refusal(f"the channel {name} asks for the record wrapper {about['RecordWrapperType']}, which belongs to the input mode Pipe; "
                      "leave it out, files are read as they are")


def place_of(name, folder):
    """What of a channel's folder the program is given."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise Refusal(f"the channel {name}: {folder} is empty")
    if name in LIST_CHANNELS:
        lists = [path for path in files if path.suffix == ".lst"]
        if len(lists) != 1:
            raise Refusal(f"the channel {name}: exactly one .lst file is expected, {folder} holds {len(lists)} among {len(files)} files")
        return lists[0]
    if name == "model":
        archives = [path for path in files if path.name.endswith((".tar.gz", ".tgz"))]
        return archives[0] if len(archives) == 1 else folder
    records = [path for path in files if path.suffix == ".rec"]
    folders = {path.parent for path in records}
    if records:
        return folders.pop() if len(folders) == 1 else ";".join(map(str, records))
    return files[0] if len(files) == 1 and files[0].suffix in LISTINGS else folder


def make_folder(folder):
    """Makes it, and says so where this user may not write into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{folder}: cannot be made: {error.strerror} (this container runs as user {os.geteuid()})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal(f"{folder} belongs to user {folder.stat().st_uid} and cannot be written by user {os.geteuid()}, as whom this "
                      "container runs; start it as that user (docker run --user)")
    return folder


def hand_over(base, output):
    """Model and reports to the folders that SageMaker packs when the container has ended."""
    model = output / "model"
    copy_files(sorted(model.iterdir()) if model.is_dir() else [], base / "model")
    copy_files([output / name for name in REPORTS], base / "output/data")


def copy_files(files, folder):
    for path in files:
        if path.is_file():
            shutil.copyfile(path, make_folder(folder) / path.name)


def write_failure(base, reason):
    """What SageMaker shows as the job's FailureReason; that it cannot be written must not hide the reason."""
    try:
        (make_folder(base / "output") / "failure").write_text(reason[:FAILURE_CHARACTERS])
    except (OSError, Refusal) as error:
        return str(error)
    return ""
