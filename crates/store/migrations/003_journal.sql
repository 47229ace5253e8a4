-- Acceptances as they came: one row holds those of one commit. They are folded into spends, operations and audit in the
-- background, and the row goes with that. src/sqlite/journal/entry.rs says how the entries lie.
-- From here on a tag of a set has 8 bytes; rows from before keep their 16, of which the first 8 count.
-- This file is never changed: a checksum of it stands in every database. What is to be different goes into a new file.

CREATE TABLE journal (
    batch INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
