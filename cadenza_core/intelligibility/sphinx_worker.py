"""PocketSphinx in a process of its own: it holds Python's lock while it decodes, and a server would stand still meanwhile.

Run as a program, by its path. Sounds come in on standard input, each a 4-byte length (little endian) and as many bytes of
16-bit samples at 16 kHz; for each a line of JSON goes out, the text. It ends with its input.
"""

import json
import struct
import sys
from typing import Any

RATE = 16000


def recognise(decoder: Any, data: bytes) -> str:
    """Give the words of one sound; the same sound always gives the same."""
    decoder.reinit_feat()  # else noise and mean are tracked from one utterance to the next
    decoder.start_utt()
    decoder.process_raw(data, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""


def main() -> None:
    """Answer until the input ends."""
    import pocketsphinx

    decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
    source = sys.stdin.buffer
    while len(head := source.read(4)) == 4:
        data = source.read(struct.unpack("<I", head)[0])
        sys.stdout.write(json.dumps(recognise(decoder, data)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
