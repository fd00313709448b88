"""Where a result goes."""

import json

from orchestrator import result


def test_a_result_is_one_object_in_a_file_or_on_standard_output(tmp_path, capsys):
    """People may read beside a file, and not beside JSON on the same stream."""
    place = tmp_path / "r.json"
    assert result.write({"a": 1}, str(place))
    assert json.loads(place.read_text()) == {"a": 1}
    assert capsys.readouterr().out == ""
    assert not result.write({"a": 2}, "-")
    assert json.loads(capsys.readouterr().out) == {"a": 2}
    assert result.write({"a": 3}, None)
    assert capsys.readouterr().out == ""
