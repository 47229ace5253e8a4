"""A second implementation of docs/spec/protocol.md, written from the page and not from the Rust code.

Messages are opened by the COSE library cwt, which knows nothing of Matchbook. Slow and simple: it exists to disagree.
"""


class Refused(Exception):
    """An input that the specification refuses, with the stable name that the vectors cite."""

    def __init__(self, name, output=None):
        super().__init__(name)
        self.name = name
        self.output = output
