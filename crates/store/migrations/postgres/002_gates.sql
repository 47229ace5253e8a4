-- What holds the store still while it is copied elsewhere. Each transaction that writes shares one of these rows until it
-- has committed, and is refused when that is shut; who begins a copy shuts all of them, and so waits for the others.
-- There are many, so that few meet.

CREATE TABLE gates (
    slot INTEGER PRIMARY KEY,
    is_open INTEGER NOT NULL
);

INSERT INTO gates (slot, is_open) SELECT slot, 1 FROM generate_series(0, 63) AS all_slots (slot);
