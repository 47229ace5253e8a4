//! A simulated mobile network: an SMPP centre, mailboxes of phones, and modems, for tests and for trying things out.
