//! Situations in which a server that is careless is wrong for sure. Nothing here waits for a time to pass: the walsender
//! stands still, and each step waits for what the step before has brought about.

use std::collections::BTreeSet;
use std::thread::ScopedJoinHandle;

use super::{Site, Subject};
use crate::history::{Code, Outcome, Recorder, Verdict};
use crate::{Postgres, Trouble, Waiting, wait_until};

/// One for the operation, one for its repetition, and one that lives on.
const NODES: usize = 3;

/// What happens to a commit that waits for the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing: it waits on.
    None,
    /// Its wait is cancelled: the node hears success, with a warning.
    Cancelled,
    /// Its backend is ended: the node hears nothing.
    Terminated,
}

/// A code is verified while the standby gets nothing, and the commit that waits is put in doubt. Another node is asked the
/// same. Both nodes are killed, so that neither makes good what it said. The primary dies, and the standby is promoted,
/// which never heard of any of this. Then another operation verifies the code, and the first one is repeated.
///
/// A server that answered before the standby had what it answered has now accepted the code twice. One that is right let
/// its clients wait, or said that it did not know.
///
/// # Errors
/// The site does not come up, or does not come to an end.
pub fn lose_the_primary(subject: &mut impl Subject, doubt: Doubt) -> Result<Verdict, Trouble> {
    let mut site = Site::start(subject, NODES)?;
    let (subject, recorder) = (&*subject, &Recorder::new());
    let (warm_up, code) = (site.code(0)?.clone(), &site.code(1)?.clone());
    let nodes = [site.node(0)?, site.node(1)?, site.node(2)?];
    let ask = |node: usize, code: &Code, operation: &str| {
        let client = u32::try_from(node).unwrap_or(0);
        let outcome = || nodes.get(node).map_or(Outcome::Unknown, |node| subject.verify(*node, code, operation));
        recorder.call(client, code, operation, outcome)
    };
    let settle = |node: usize, code: &Code, operation: &str| {
        wait_until("an operation has an answer", || Ok(ask(node, code, operation) != Outcome::Unknown))
    };
    // Each node reaches the database, and the standby keeps up.
    (0..NODES).try_for_each(|node| settle(node, &warm_up, "warm-up"))?;
    site.cluster.primary()?.pause_walsenders()?;
    std::thread::scope(|scope| {
        let first = |node: usize| scope.spawn(move || _ = ask(node, code, "first"));
        let done = put_in_doubt(&mut site, doubt, first);
        // A client that still waits would wait for ever.
        if done.is_err() {
            site.cluster.release();
        }
        done
    })?;
    site.cluster.kill_primary()?;
    site.cluster.promote_standby()?;
    settle(2, code, "second")?;
    settle(2, code, "first")?;
    let audit = subject.audit(&site.cluster.access()?, site.cluster.database())?;
    Ok(recorder.history().check_with(&audit))
}

/// Asks the first node, puts its commit in doubt, kills it, and does the same with the second, without the doubt.
fn put_in_doubt<'scope>(
    site: &mut Site,
    doubt: Doubt,
    ask: impl Fn(usize) -> ScopedJoinHandle<'scope, ()>,
) -> Result<(), Trouble> {
    let mut watch = Watch::default();
    let primary = site.cluster.primary()?;
    watch.follow(primary, ask(0))?;
    match doubt {
        Doubt::None => {}
        Doubt::Cancelled => watch.goes_on_after(primary, &primary.cancel_waiting_commits()?)?,
        Doubt::Terminated => watch.goes_on_after(primary, &primary.terminate_waiting_commits()?)?,
    }
    site.kill_node(0)?;
    watch.follow(site.cluster.primary()?, ask(1))?;
    site.kill_node(1)
}

/// A call that is under way, and the transactions that are known to wait.
#[derive(Default)]
struct Watch<'scope> {
    call: Option<ScopedJoinHandle<'scope, ()>>,
    known: BTreeSet<Waiting>,
}

impl<'scope> Watch<'scope> {
    /// Follows another call, and returns when it is at rest.
    fn follow(&mut self, primary: &Postgres, call: ScopedJoinHandle<'scope, ()>) -> Result<(), Trouble> {
        self.call = Some(call);
        self.rests(primary)
    }

    /// Returns when the call is at rest again, after these commits of it were put in doubt.
    fn goes_on_after(&mut self, primary: &Postgres, doubtful: &BTreeSet<Waiting>) -> Result<(), Trouble> {
        wait_until("a wait in doubt ends", || Ok(primary.waiting_commits()?.is_disjoint(doubtful)))?;
        self.rests(primary)
    }

    /// Returns when the call has ended, or the database lets a new transaction wait.
    fn rests(&mut self, primary: &Postgres) -> Result<(), Trouble> {
        let mut waiting = BTreeSet::new();
        let has_ended = || self.call.as_ref().is_none_or(ScopedJoinHandle::is_finished);
        wait_until("a call ends or waits", || {
            waiting = primary.waiting_transactions()?;
            Ok(has_ended() || !waiting.is_subset(&self.known))
        })?;
        self.known.append(&mut waiting);
        Ok(())
    }
}
