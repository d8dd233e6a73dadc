"""The governance files are made again; what a person edited is never written over, what a kill left behind is."""

import pytest

from desist.pipelines import governance


def write(folder, text):
    return governance._write_unedited(folder, {"map.md": text})


@pytest.mark.parametrize("before", [[], ["first"]])
def test_a_file_that_was_written_when_the_tool_was_killed_is_its_own(tmp_path, monkeypatch, before):
    folder = tmp_path / "governance"
    for text in before:
        write(folder, text)
    write_text = governance.write_text

    def killed(path, text):
        write_text(path, text)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(governance, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            write(folder, "second")
    write(folder, "third")
    assert (folder / "map.md").read_text() == "third" and not (folder / "map.md.new").exists()


def test_what_a_person_edited_stays_and_the_new_text_lies_beside_it(tmp_path):
    write(tmp_path, "first")
    (tmp_path / "map.md").write_text("edited")
    assert "stays as it was edited; the register says nothing new" in write(tmp_path, "first")[0]
    assert "stays as it was edited; what the register says now is in map.md.new" in write(tmp_path, "second")[0]
    assert (tmp_path / "map.md").read_text() == "edited" and (tmp_path / "map.md.new").read_text() == "second"
