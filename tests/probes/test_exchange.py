from oracle.probes.exchange import clean


def test_text_from_a_server_is_made_printable_and_short() -> None:
    assert clean("a\x1b[31m\r\nb\u202e\udcff") == "a?[31m??b??"
    assert len(clean("x" * 1000)) == 200
