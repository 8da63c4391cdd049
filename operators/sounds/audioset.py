"""Which AudioSet classes are noise beside speech, and which are speech, each named in full.

The pipeline before this one asked whether a label contains any of 13 words, so "Train" was rain, and "Wind
instrument", "Wind chime" and "Power windows" were wind. The list keeps what those words meant, and adds
"Television", which none of them found. Names as in `class_labels_indices.csv` of the AudioSet release
(J. Gemmeke et al., Audio Set: an ontology and human-labeled dataset for audio events, 2017).
"""

from __future__ import annotations

SPEECH = frozenset(
    (
        "Speech",
        "Male speech, man speaking",
        "Female speech, woman speaking",
        "Child speech, kid speaking",
        "Conversation",
        "Narration, monologue",
        "Speech synthesizer",
    )
)

_MUSIC = """Music|Musical instrument|Keyboard (musical)|Pop music|Hip hop music|Soul music|Swing music
Folk music|Middle Eastern music|Classical music|Electronic music|House music|Electronic dance music
Ambient music|Trance music|Music of Latin America|Salsa music|Music for children|New-age music|Vocal music
Music of Africa|Christian music|Gospel music|Music of Asia|Carnatic music|Music of Bollywood
Traditional music|Independent music|Background music|Theme music|Jingle (music)|Soundtrack music
Video game music|Christmas music|Dance music|Wedding music|Happy music|Sad music|Tender music
Exciting music|Angry music|Scary music"""
_WEATHER = "Wind|Wind noise (microphone)|Rain|Raindrop|Rain on surface"
_TRAFFIC = """Vehicle|Boat, Water vehicle|Motor vehicle (road)|Emergency vehicle|Traffic noise, roadway noise
Vehicle horn, car horn, honking|Engine|Light engine (high frequency)|Medium engine (mid frequency)
Heavy engine (low frequency)|Engine knocking|Engine starting|Aircraft engine|Jet engine
Siren|Civil defense siren|Police car (siren)|Ambulance (siren)|Fire engine, fire truck (siren)"""
_ROOM = """Typing|Typewriter|Computer keyboard|Applause|Crowd|Hubbub, speech noise, speech babble|Television
Noise|Environmental noise|White noise|Pink noise"""

NOISE = frozenset("|".join((_MUSIC, _WEATHER, _TRAFFIC, _ROOM)).replace("\n", "|").split("|"))
