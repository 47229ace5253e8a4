"""Plays a dialogue (devices/card/tests/dialogues) to the card in a reader: dialogues.py READER FILE"""

import sys

from reader import Card


def main(number, path):
    card, answer = Card(int(number)), ""
    for at, line in enumerate(open(path), 1):
        kind, rest = line[:1], "".join(line[1:].split("#")[0].split())
        if kind == ">":
            data, word = card.transmit(bytes.fromhex(rest))
            answer = data.hex().upper() + f"{word:04X}"
        elif kind == "<":
            head, star, tail = rest.partition("*")
            is_so = answer.startswith(head) and answer.endswith(tail) if star else answer == rest
            if not is_so:
                sys.exit(f"{path}:{at}: {answer}")
        elif kind == "!":
            card.power()
    print(f"{path}: as it is written")


main(*sys.argv[1:])
