-- Acceptances as they came: one row holds those of one commit. They are folded into spends, operations and audit in the
-- background, and the row goes with that. src/sqlite/journal/entry.rs says how the entries lie.
-- This file is never changed: a checksum of it stands in every database. What is to be different goes into a new file.

CREATE TABLE journal (
    batch INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
