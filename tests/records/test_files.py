import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from desist.records.files import new_folder, read_json, write_json, write_text


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_value_json_cannot_hold_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"n": 1})
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"n": float("nan")})
    assert read_json(tmp_path / "a.json") == {"n": 1}


def test_a_folder_appears_only_when_its_block_ends_well(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "run") as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "run") as folder:
        (folder / "whole").write_text("x")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "run") as folder:
        raise RuntimeError
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["whole"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.json"
    write_json(target, {"n": 0})
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from desist.records.files import write_json
        print("ready", flush=True)
        for n in range(10**6):
            write_json(Path(sys.argv[1]), {"n": n, "padding": "x" * 100_000})
    """)
    process = subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert set(json.loads(target.read_text())) in ({"n"}, {"n", "padding"})
