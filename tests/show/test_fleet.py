"""prefault_kit.show.fleet: a row for each host, whatever it says."""

from prefault_kit.show import fleet as show
from prefault_kit.studies.fleet import Fleet, Host

DONE = Host("host-1", "b", "m", "done", "7 ok", None, {"kernel": "6.1", "cpu": "a processor"}, 7)
OLD = Host("host-2", state="refused", message="it has <b>\x1b[2J", hostname="pl\x07uto")


def test_each_host_is_a_row() -> None:
    """Of one that could not be asked nothing is known."""
    text = repr(show.hosts(Fleet(("check",), (DONE, OLD))))
    head, first, second = text.splitlines()
    assert head.split()[:5] == ["host", "state", "rows", "kernel", "processor"]
    assert first.split() == ["host-1", "done", "7", "6.1", "a", "processor", "7", "ok"]
    assert second.split()[:4] == ["host-2", "(pl\\x07uto)", "refused", "-"]
    assert "\x1b" not in text
    assert "&lt;b&gt;" in show.hosts(Fleet((), (OLD,)))._repr_html_()


def test_how_it_ended_is_a_sentence() -> None:
    """With those that are not done."""
    assert show.sentence(Fleet((), (DONE, OLD))) == "1 of 2 hosts are done; refused: host-2"
    assert show.sentence(Fleet((), (DONE,))) == "1 of 1 host are done"


def test_as_json_no_digest_is_told() -> None:
    """They are of no use to anybody."""
    said = show.as_dict(Fleet(("check",), (DONE,)))
    assert said["hosts"][0]["count"] == 7
    assert not {"boot", "machine"} & set(said["hosts"][0])
