//! Clients verify while one mishap after another happens.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::clients::Clients;
use super::{Site, Subject};
use crate::history::{Outcome, Recorder, Verdict};
use crate::{Fault, Trouble, When, wait_until};

/// Something that goes wrong. After each, all is mended again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// A node is killed, and another started.
    NodeKilled,
    /// All connections of nodes to the primary are cut.
    ConnectionsCut,
    /// Some connections of nodes to the primary are cut while a request or its answer is under way.
    RequestsCut(Fault),
    /// The standby gets nothing, so that commits wait; they wait on, and come through.
    WalsenderStopped,
    /// The standby gets nothing, and the wait of commits is cancelled: nodes hear success, with a warning.
    CommitsCancelled,
    /// The standby gets nothing, and backends are ended in COMMIT.
    BackendsTerminated,
    /// The primary is killed and the standby promoted.
    PrimaryKilled,
    /// The standby gets nothing, some waits are cancelled, others go on; then the primary is killed and the standby
    /// promoted, which never had those commits.
    PrimaryKilledInDoubt,
}

impl Mishap {
    /// One of each.
    #[must_use]
    pub fn all() -> Vec<Self> {
        vec![
            Self::NodeKilled,
            Self::ConnectionsCut,
            Self::RequestsCut(Fault::LoseAnswer { until: Vec::new() }),
            Self::RequestsCut(Fault::CutAtOnce),
            Self::WalsenderStopped,
            Self::CommitsCancelled,
            Self::BackendsTerminated,
            Self::PrimaryKilled,
            Self::PrimaryKilledInDoubt,
        ]
    }
}

/// How large a storm is.
#[derive(Clone, Debug)]
pub struct Storm {
    /// How many nodes.
    pub nodes: usize,
    /// How many clients ask at the same time.
    pub clients: u32,
    /// How long a client waits between two calls, so that the codes last. 0 for none.
    pub pause: Duration,
    /// Decides which client does what next. What comes of it depends on the machine too.
    pub seed: u64,
    /// How many accepts there have to be after each mishap.
    pub accepts_between: usize,
    /// What happens, in this order.
    pub mishaps: Vec<Mishap>,
}

/// What came of a storm.
#[derive(Debug)]
#[must_use]
pub struct Report {
    /// What the history shows.
    pub verdict: Verdict,
    /// Each mishap, and how long after it struck the first call was accepted that began after it. Of a primary's death
    /// that is how long nobody could be served.
    pub recoveries: Vec<(Mishap, Duration)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mishap, time) in &self.recoveries {
            writeln!(f, "{:7.3} s until the next accept after {mishap:?}", time.as_secs_f64())?;
        }
        self.verdict.fmt(f)
    }
}

/// How many connections are cut in [`Mishap::RequestsCut`].
const CUTS: u64 = 5;

/// Of how many pieces that nodes send one is cut there.
const CUT_ONE_IN: u64 = 4;

/// Runs a storm from the start of the site to the audit.
///
/// # Errors
/// The site does not come up, or does not recover. That nothing is accepted any more is such trouble too.
pub fn storm(subject: &mut impl Subject, storm: &Storm) -> Result<Report, Trouble> {
    let mut site = Site::start(subject, storm.nodes)?;
    let subject = &*subject;
    let recorder = Recorder::new();
    let began = Instant::now();
    let codes = site.codes.clone();
    let clients = Clients {
        subject,
        address: site.address(),
        codes: &codes,
        recorder: &recorder,
        seed: storm.seed,
        pause: storm.pause,
        next: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        is_hopeless: AtomicBool::new(false),
    };
    let moments = std::thread::scope(|scope| {
        let running: Vec<_> = (0..storm.clients)
            .map(|client| {
                let clients = &clients;
                scope.spawn(move || clients.run(client))
            })
            .collect();
        let moments = go_on(storm, &mut site, subject, &recorder, began);
        if moments.is_err() {
            site.cluster.release();
            clients.is_hopeless.store(true, Ordering::Relaxed);
        }
        clients.is_over.store(true, Ordering::Relaxed);
        let panicked = running.into_iter().filter_map(|client| client.join().err()).count();
        if panicked > 0 { Err(Trouble::new("a client panicked")) } else { moments }
    })?;
    if clients.is_hopeless.load(Ordering::Relaxed) {
        return Err(Trouble::new("operations had no answer any more when all was mended"));
    }
    let audit = subject.audit(&site.cluster.access()?, site.cluster.database())?;
    let history = recorder.history();
    let accepts = history.calls.iter().filter(|call| call.outcome == Outcome::Accepted);
    let recovery = |moment: Duration| {
        let later = accepts.clone().filter(|call| call.began >= moment);
        later.map(|call| call.ended.saturating_sub(moment)).min().unwrap_or(Duration::MAX)
    };
    let recoveries = storm.mishaps.iter().cloned().zip(moments.into_iter().map(recovery)).collect();
    Ok(Report { verdict: history.check_with(&audit), recoveries })
}

/// Lets one mishap after the other happen; when each did.
fn go_on(
    storm: &Storm,
    site: &mut Site,
    subject: &impl Subject,
    recorder: &Recorder,
    began: Instant,
) -> Result<Vec<Duration>, Trouble> {
    let progress = || {
        let enough = recorder.count(Outcome::Accepted) + storm.accepts_between;
        wait_until("clients are served", || Ok(recorder.count(Outcome::Accepted) >= enough))
    };
    let mut moments = Vec::new();
    progress()?;
    for (number, mishap) in storm.mishaps.iter().enumerate() {
        let mut moment = began.elapsed();
        let blow = Blow { site, subject, number, strikes: &mut || moment = began.elapsed() };
        blow.fall(mishap).map_err(|trouble| Trouble::new(format!("{mishap:?}: {trouble}")))?;
        moments.push(moment);
        progress()?;
    }
    Ok(moments)
}

/// A mishap as it happens.
struct Blow<'a, S> {
    site: &'a mut Site,
    subject: &'a S,
    number: usize,
    /// Takes note of the moment.
    strikes: &'a mut dyn FnMut(),
}

impl<S: Subject> Blow<'_, S> {
    fn fall(mut self, mishap: &Mishap) -> Result<(), Trouble> {
        match mishap {
            Mishap::NodeKilled => {
                (self.strikes)();
                self.site.replace_node(self.subject, self.number)
            }
            Mishap::ConnectionsCut => {
                self.site.cluster.proxy().cut_all();
                (self.strikes)();
                Ok(())
            }
            Mishap::RequestsCut(fault) => self.cut_requests(fault),
            Mishap::WalsenderStopped => {
                self.stop_walsender()?;
                self.go_on_sending()
            }
            Mishap::CommitsCancelled => {
                self.stop_walsender()?;
                self.site.cluster.primary()?.cancel_waiting_commits()?;
                self.go_on_sending()
            }
            Mishap::BackendsTerminated => {
                self.stop_walsender()?;
                self.site.cluster.primary()?.terminate_waiting_commits()?;
                self.go_on_sending()
            }
            Mishap::PrimaryKilled => self.fail_over(),
            Mishap::PrimaryKilledInDoubt => {
                self.stop_walsender()?;
                let primary = self.site.cluster.primary()?;
                let doubtful = primary.cancel_waiting_commits()?;
                wait_until("nodes hear of it", || Ok(primary.waiting_commits()?.is_disjoint(&doubtful)))?;
                wait_until("other commits wait", || Ok(!primary.waiting_transactions()?.is_empty()))?;
                self.fail_over()
            }
        }
    }

    fn cut_requests(&mut self, fault: &Fault) -> Result<(), Trouble> {
        let seed = u64::try_from(self.number).unwrap_or(0) + 1;
        let proxy = self.site.cluster.proxy();
        let enough = proxy.struck() + CUTS;
        (self.strikes)();
        proxy.plan(When::OneIn { pieces: CUT_ONE_IN, seed }, fault.clone(), CUTS);
        wait_until("connections are cut", || Ok(proxy.struck() >= enough))
    }

    /// Returns when commits wait for the standby.
    fn stop_walsender(&mut self) -> Result<(), Trouble> {
        let primary = self.site.cluster.primary()?;
        primary.pause_walsenders()?;
        wait_until("commits wait", || Ok(!primary.waiting_commits()?.is_empty()))?;
        (self.strikes)();
        Ok(())
    }

    fn go_on_sending(&mut self) -> Result<(), Trouble> {
        self.site.cluster.primary()?.resume_walsenders();
        Ok(())
    }

    fn fail_over(&mut self) -> Result<(), Trouble> {
        self.site.cluster.kill_primary()?;
        // From here on nobody can be served, until the standby is promoted.
        (self.strikes)();
        self.site.cluster.promote_standby()?;
        self.site.cluster.rebuild()
    }
}
