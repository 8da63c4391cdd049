"""A redacted session: neither its log nor any document made of it holds what was said in private."""

from __future__ import annotations

from itertools import pairwise

import pytest

from operators.timeline.redaction import Redaction
from sinks.documents import write_documents
from sinks.event_log import EventLog
from sinks.labelled import LabelledLog
from stream_engine.clock import samples
from stream_engine.events import Hypothesis, Rejected, SessionEnd, SessionStart
from stream_engine.log import read
from stream_engine.testing import run
from tests.golden.text_formats import WRITERS, spoken, untimed

SAID = (
    "My name is Anna Kowalska and my number is five five five one two one two.",
    "Anna Kowalska's mail is anna dot k at example dot com, or akow@example.org.",
    "She was born on the fifth of May nineteen eighty four, in room B52, see www.example.com/akow?id=77",
)
SECRETS = ("anna", "kowalska", "five", "twelve", "one two", "akow", "example", "77", "B52", "may", "eighty")


@pytest.fixture(scope="module")
def redacted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redacted") / "session"
    folder.mkdir()
    events = [SessionStart(schema=1, source="x.wav", recogniser="r", diarizer="d")]
    for id, text in enumerate(SAID):
        heard = text.split()
        for number in range(1, len(heard) + 1):
            shown = " ".join(heard[:number])
            committed = " ".join(heard[: max(0, number - 2)])
            events.append(
                Hypothesis(
                    id=id, revision=number, start=samples(20 * id), end=samples(20 * id + number),
                    speaker="Anna Kowalska", text=shown, committed=committed, final=number == len(heard),
                )
            )  # fmt: skip
        events += spoken(id, 20 * id, "Anna Kowalska", text)
    events += untimed(7, 80, 84, "B", "and five hundred more, said Anna Kowalska")
    reason = "repetition over silence: five five Anna Kowalska"
    events.append(Rejected(id=8, start=samples(85), end=samples(86), speaker="B", reason=reason))
    events.append(SessionEnd(duration=samples(90)))
    log = EventLog(path=folder / "events.jsonl")
    for event in run(Redaction(names=["Anna Kowalska", "Anna"]), events):
        log.write(event)
    log.commit()
    return folder


def test_no_document_and_no_line_of_the_log_holds_it(redacted):
    outputs = write_documents(redacted)
    for name, write in WRITERS.items():
        write(LabelledLog(redacted / "events.jsonl"), redacted / name)
    assert {name for name, output in outputs.items() if output.state == "failed"} == set()
    for path in redacted.iterdir():
        if path.is_file() and path.suffix not in {".parquet", ".pdf", ".html"}:
            written = path.read_text().lower()
            assert not [secret for secret in SECRETS if secret.lower() in written], path.name
    assert "person_01" in (redacted / "transcript.srt").read_text().lower()
    assert "[NAME]'s mail is [EMAIL], or [EMAIL]." in (redacted / "transcript.txt").read_text()


def test_hypotheses_keep_their_promise_in_the_log(redacted):
    events = list(read(redacted / "events.jsonl"))
    for id in range(len(SAID)):
        shown = [event for event in events if isinstance(event, Hypothesis) and event.id == id]
        for before, after in pairwise(shown):
            assert after.text.startswith(before.committed)
            assert after.committed.startswith(before.committed)
        assert shown[-1].text.startswith(shown[-1].committed)
        assert len(shown[-1].committed) > 10
