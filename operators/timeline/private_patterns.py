"""What is taken for private, as regular expressions over folded text (see `folded_text`).

NUMBER  every word with a digit in it (555-1212, B52, 3pm); English number words and ordinals, as many as
        follow one another (five five oh one); Chinese numerals, two or more. `one`, `oh`, `double` next to
        another only, `first`, `second` after another only: "no one" and "wait a second" stay.
EMAIL   a word with @ in it; a word, `at` and a domain, written or spoken (jo dot b at x dot org).
URL     http, ftp, www; a domain with a known ending, and its path, written or spoken (x dot org slash a).
DATE    2024-03-05, 5/3/24, 3月5日; a month with the numbers beside it, in English, German, French, Spanish
        (the fifth of May, 5. März 2024); a month alone, if its name means nothing else (January, not `may`).

What is doubtful is redacted: "two may come" is a date here, "look at x.org" an address.
"""

from __future__ import annotations

from operators.timeline.folded_text import LETTER as L
from operators.timeline.folded_text import UNSPACED


def _any(words: str) -> str:
    """One of the words, whole."""
    return rf"(?<!{L})(?:{'|'.join(sorted(words.split(), key=len, reverse=True))})(?!{L})"


NUMBER_WORDS = (
    "zero zeros nil nought naught two twos three threes four fours five fives six sixes seven sevens"
    " eight eights nine nines ten tens eleven twelve dozen dozens thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen twenty twenties thirty thirties forty forties fifty fifties sixty"
    " sixties seventy seventies eighty eighties ninety nineties hundred hundreds thousand thousands"
    " million millions billion billions trillion trillions third thirds fourth fifth fifths sixth seventh"
    " eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth"
    " nineteenth twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth"
    " thousandth millionth"
)
BESIDE_NUMBERS = "one ones oh o double triple"
ORDINALS = "first second"
JOINING = "and point dot dash hyphen slash over"
MONTHS = (
    "january february april june july august september october november december januar februar juni oktober"
    " dezember janvier fevrier avril juin juillet aout septembre octobre novembre decembre enero febrero"
    " abril mayo junio julio septiembre setiembre octubre noviembre diciembre"
)
MONTHS_BESIDE_NUMBERS = (
    "may march marz mars mai marzo juli agosto jan feb mar apr jun jul aug sep sept oct nov dec"
)
PARTS_OF_ADDRESSES = "dot underscore dash hyphen plus minus slash"
_ENDINGS = (
    "com org net edu gov mil int info biz io ai co uk us de fr es it nl be ch at eu ie au nz ca in jp cn"
    " ru pl se no dk fi pt br mx tv me app dev shop online site blog xyz"
)

_GAP = r"(?:\s*-\s*|\s+)"
_DIGITS = rf"(?<!{L})(?>(?={L}*\d){L}+(?:[-.,:/'()*#+]{{1,2}}(?={L}*\d){L}+)*)"
_ONE = rf"(?:{_DIGITS}|{_any(NUMBER_WORDS)}|{_any(BESIDE_NUMBERS)}(?!'))"  # no O'Brien
_SURE = rf"(?:{_DIGITS}|{_any(NUMBER_WORDS)})"
_RUN = (  # atomic, as all that repeats: a hostile text must not be tried in every way
    rf"(?>(?:{_ONE}(?:{_GAP}(?:(?:{'|'.join(JOINING.split())}){_GAP})?{_ONE})+|{_SURE})"
    rf"(?:{_GAP}{_any(ORDINALS)})?)"
)
NUMBER = rf"{_RUN}|[〇零一二三四五六七八九十百千万萬億亿两]{{2,}}"

_DAY = rf"(?:{_RUN}|{_any(ORDINALS + ' one')})"
_MONTH = _any(f"{MONTHS} {MONTHS_BESIDE_NUMBERS}")
_ON = rf"(?:\.?\s*,?\s+(?:the\s+|de\s+|del\s+)?{_DAY})"
DATE = (
    rf"(?<!{L})\d{{4}}[-/.]\d\d?[-/.]\d\d?(?!{L})|(?<!{L})\d\d?[-/.]\d\d?[-/.](?:\d{{4}}|\d\d)(?!{L})"
    r"|\d{1,4}\s*[年月日](?:\s*\d{1,2}\s*[月日])*"
    rf"|{_DAY}\.?\s+(?:of\s+|de\s+)?{_MONTH}{_ON}*|{_MONTH}{_ON}+|{_any(MONTHS)}"
)

_IN_ADDRESS = rf"[^\s@,;:<>()\[\]\"{UNSPACED}]"
_WORD = rf"(?<!{L})(?>{L}+(?:['-]{L}+){{0,4}})"
_ENDING = _any(_ENDINGS)
_DOMAIN = rf"(?<![\w.@-])(?:{L}(?:{L}|-)*\.)+{_ENDING}"
_SITE = rf"{_DOMAIN}(?:[/?#:][^\s\[\]]*[\w/])?"
_PARTS = "|".join(PARTS_OF_ADDRESSES.split())
_SPOKEN_DOMAIN = rf"{_WORD}(?:\s+dot\s+{_WORD}){{0,8}}\s+dot\s+{_ENDING}"
EMAIL = (
    rf"(?<!@)(?<!{_IN_ADDRESS})(?:{_IN_ADDRESS}+\s?)?@\s?{_IN_ADDRESS}*(?:@\s?{_IN_ADDRESS}*)*{L}"
    rf"|{_WORD}(?:\s+(?:{_PARTS})\s+{_WORD}){{0,8}}\s+at\s+(?:{_SITE}|{_SPOKEN_DOMAIN})"
)
URL = (
    rf"(?<!{L})(?:https?|ftp)://[^\s<>\"\[\]]*{L}/?|(?<!{L})www\.{_IN_ADDRESS}*{L}(?:/[^\s\[\]]*[\w/])?"
    rf"|{_SITE}"
    rf"|{_SPOKEN_DOMAIN}(?:\s+slash\s+{_WORD}){{0,8}}"
)
