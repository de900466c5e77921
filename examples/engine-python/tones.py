# SPDX-License-Identifier: Apache-2.0
"""Audio of the tone engine: every letter is a sung vowel, every word a short tune.

A letter's pitch comes from its place in the alphabet, its vowel from the vowel it is or is near to. A consonant begins with a
puff of noise. The sound is computed from the text: one period of each (pitch, vowel) as a sum of harmonics, each as loud as the
vowel's formants let it through, and that period repeated. Standard library only.
"""

import array
import math
import random
import sys
import unicodedata

RATE = 16000  # samples a second
LETTER = 0.085  # seconds of a letter at speed 1
GAP = 0.07  # seconds of silence after a word
PAUSE = 0.20  # more of it after punctuation
PEAK = 9000  # of 32767

# Centre frequencies in Hz of the first three formants of five vowels, rounded means of adult speakers.
VOWELS = {
    "a": (730, 1100, 2450),
    "e": (530, 1850, 2500),
    "i": (280, 2250, 2900),
    "o": (570, 850, 2400),
    "u": (310, 870, 2250),
}
NEAREST = dict(zip("abcdefghijklmnopqrstuvwxyz", "aeieeeiaiieeeeoeueeeuuuiie"))
SCALE = (0, 2, 4, 7, 9)  # semitones of a pentatonic scale


def _base(character):
    """The letter a-z that a character is without its accents, or one that its code point picks."""
    plain = unicodedata.normalize("NFKD", character)[0].lower()
    return plain if "a" <= plain <= "z" else chr(97 + ord(character) % 26)


def _period(pitch, vowel):
    """One period of a vowel at a pitch in Hz, as floats from -1 to 1."""
    length = round(RATE / pitch)
    wave = [0.0] * length
    for harmonic in range(1, int(4000 / pitch)):
        frequency = harmonic * pitch
        gain = sum(1 / (1 + ((frequency - f) / (60 + f * 0.06)) ** 2) / (n + 1) for n, f in enumerate(VOWELS[vowel]))
        for i in range(length):
            wave[i] += gain * math.sin(2 * math.pi * harmonic * i / length + harmonic)
    peak = max(map(abs, wave))
    return [x / peak for x in wave]


class Voice:
    """One voice: a base pitch in Hz, and the periods and noise that were computed for it. Safe for several threads."""

    def __init__(self, pitch):
        self._pitch = pitch
        self._periods = {}
        noise = random.Random(1)  # the same each time: a text always sounds the same
        self._noise = [noise.uniform(-1, 1) for _ in range(RATE // 50)]

    def letter(self, character, speed):
        """The samples of one letter or digit, floats from -1 to 1."""
        base = _base(character)
        place = ord(base) - 97
        semitones = SCALE[place % len(SCALE)] + 12 * (place // len(SCALE) % 2)
        key = (semitones, NEAREST[base])
        if key not in self._periods:  # two threads may both compute it; the result is the same
            self._periods[key] = _period(self._pitch * 2 ** (semitones / 12), key[1])
        period = self._periods[key]
        length = round(LETTER * RATE / speed)
        fade = min(length // 4, RATE // 100)
        out = (period * (length // len(period) + 1))[:length]
        for i in range(fade):
            out[i] *= i / fade
            out[-1 - i] *= i / fade
        if base not in VOWELS:
            for i in range(min(len(self._noise), length // 3)):
                out[i] = 0.3 * out[i] + 0.4 * self._noise[i]
        return out


def words(text):
    """Yields (word, first byte, bytes, pause) of a text: runs of letters and digits with their marks, and whether a punctuation
    mark follows. Bytes count in the text's UTF-8."""
    begin, at, word = 0, 0, ""
    found = []
    for character in text + " ":
        size = len(character.encode())
        kind = unicodedata.category(character)
        if character.isalnum() or (word and kind in ("Mn", "Mc", "Cf") or word and character in "'’"):
            if not word:
                begin = at
            word += character
        else:
            if word:
                found.append([word, begin, len(word.encode()), False])
                word = ""
            if kind.startswith("P") and found:
                found[-1][3] = True
        at += size
    return found


def samples_of(word, voice, speed):
    """Yields the letters of a word as 16-bit little-endian samples."""
    for character in word:
        if not character.isalnum():
            continue
        pcm = array.array("h", (int(PEAK * x) for x in voice.letter(character, speed)))
        if sys.byteorder == "big":
            pcm.byteswap()
        yield pcm.tobytes()


def silence(seconds):
    """Silence as bytes of samples."""
    return bytes(2 * round(seconds * RATE))
