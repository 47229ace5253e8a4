//! Every limit of the server that an operator cannot set, with its reason.

use std::time::Duration;

/// A body of the JSON API. The largest honest one, a policy, has under 1 KiB.
pub(crate) const MAX_JSON_BODY: usize = 16 * 1024;

/// A part of an import: 500 devices whose names are as long as can be, with every character escaped.
pub(crate) const MAX_PART_BODY: usize = 1024 * 1024;

/// An import that goes live with as many devices as it may have: a second or two on a good disk, and a bad one is waited for.
pub(crate) const LIVE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long what was put aside for an import is kept when nothing is added to it: its caller has gone.
pub(crate) const IMPORT_KEPT: Duration = Duration::from_secs(3_600);

/// A message of a device in its COSE form. The largest, an ENROL of suite 4, has under 1.5 KiB.
pub(crate) const MAX_DEVICE_BODY: usize = 4 * 1024;

/// The longest that a device's request is held for a push. Proxies cut idle connections at 60 s.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(55);

/// An API call that takes longer is answered 504: nothing here needs more than a few flushes of the disk.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A connection that has not sent its request's head by then is closed (slow-loris).
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a decision is taken again after a conflict. Conflicts need a second writer of one authenticator, and the
/// lanes let one at a time in; more than a few mean a fault.
pub(crate) const MAX_DECISIONS: u32 = 16;

/// The longest pause, drawn by chance, before a decision is taken again after a first conflict; it doubles with each.
pub(crate) const CONFLICT_PAUSE: Duration = Duration::from_millis(1);

/// How often that pause doubles: to 64 ms.
pub(crate) const CONFLICT_DOUBLINGS: u32 = 6;

/// How often a commit in doubt is written again before the caller is told to come back.
pub(crate) const MAX_DOUBT_WRITES: u32 = 4;

/// What a caller is told to wait when the store cannot answer now.
pub(crate) const UNAVAILABLE_RETRY_AFTER_S: u64 = 2;

/// What a caller is told to wait while the store is moved, which takes longer than a hiccup.
pub(crate) const READ_ONLY_RETRY_AFTER_S: u64 = 10;

/// Lanes of the store's writers, about 100 bytes each: authenticators that share one wait for each other without need, so
/// there are many. Of 256 requests at once two wait so.
pub(crate) const LANES: usize = 16_384;

/// Requests that one lane may have waiting: more mean that one authenticator is being flooded, and are told to slow
/// down. The throttle of failures would stop them a little later anyway.
pub(crate) const LANE_QUEUE: usize = 512;

/// Devices that may wait for a push at once; each costs one open connection.
pub(crate) const MAX_WAITING_DEVICES: usize = 20_000;

/// How often the outbox and the due refills are looked through.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How many rows one sweep takes.
pub(crate) const SWEEP_BATCH: u32 = 256;

/// How often what nobody needs any more is forgotten.
pub(crate) const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// The first pause before a sealed message is sent again; each further one doubles.
pub(crate) const RESEND_FIRST: Duration = Duration::from_secs(10);

/// The longest pause before a sealed message is sent again.
pub(crate) const RESEND_LONGEST: Duration = Duration::from_secs(6 * 3600);

/// How soon the outbox is looked through again when messages wait for room at their centre: half of what a centre's token
/// bucket holds, so that its pace is kept up.
pub(crate) const ROOM_PAUSE: Duration = Duration::from_millis(50);

/// Pages of the outbox that one look takes at most, so that due work, pruning and a shutdown get their turn.
pub(crate) const MAX_DRAINED_PAGES: u32 = 16;

/// How long a message is put off whose device cannot be read; once to twice.
pub(crate) const UNREADABLE_PAUSE: Duration = Duration::from_secs(300);

/// How long a message makes way whose centre has no room, when a page of the outbox holds little else; once to twice.
pub(crate) const MAKE_WAY: Duration = Duration::from_secs(2);

/// The longest that a shutdown waits for what was handed to a centre and is not answered.
pub(crate) const SUBMIT_GRACE: Duration = Duration::from_secs(5);

/// Short messages a second from one number; [`SENDER_BURST`] at once. A phone sends a few a day, and its storms of
/// repetitions stay below.
pub(crate) const SENDER_PER_SECOND: u32 = 1;

/// Short messages of one number at once: the parts and repetitions of a few requests.
pub(crate) const SENDER_BURST: u32 = 60;

/// How long events are kept.
pub(crate) const EVENTS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long a token's record is trusted before it is read again: what a revocation on another node may take.
pub(crate) const TOKEN_CACHED: Duration = Duration::from_secs(5);

/// Token records kept in memory; a token that is not there costs one read.
pub(crate) const TOKEN_CACHE_SIZE: usize = 4_096;

/// The longest that a shutdown waits for calls under way.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Rows of a list when the caller names no limit.
pub(crate) const DEFAULT_PAGE: u32 = 100;

/// The longest life of an enrolment: a week. Its URI is a secret on paper or a screen until then.
pub(crate) const MAX_ENROLMENT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The life of an enrolment when the operator names none.
pub(crate) const DEFAULT_ENROLMENT: Duration = Duration::from_secs(24 * 3600);

/// How long an answer to `/readyz` counts: each new one costs a flush of the disk.
pub(crate) const READINESS_KEPT: Duration = Duration::from_secs(1);

/// How long a duty is a node's without a renewal: what a node that died may keep the others waiting.
pub(crate) const LEASE_HELD: Duration = Duration::from_secs(10);

/// How often a duty is renewed, or asked for.
pub(crate) const LEASE_RENEWED: Duration = Duration::from_secs(2);

/// A node that cannot renew a duty ends it so long before the lease does: more than a session needs to end.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(4);

/// How long a message of the outbox is one node's that took it, unless it says before what became of it.
pub(crate) const TAKEN_HELD: Duration = Duration::from_secs(30);

/// How far back a node looks for messages that others put into the outbox for a device that waits here: their clocks and
/// their commits may be so late.
pub(crate) const NEWS_WINDOW: Duration = Duration::from_secs(5);
