//! The session against a centre that does what the test says, octet by octet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod deliveries;
mod hostile;
mod peer;
mod sessions;
mod submits;
mod third_party;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Link, SmppCentre, Timing};
use crate::bearer::sms::centre::Centre;
use crate::bearer::sms::config::{RouteConfig, RouteKind, SmppConfig, SmsConfig};
use crate::bearer::sms::measures::{RouteMeasures, SmsMeasures};
use crate::bearer::sms::testing::{PATIENCE, TestInbox, until};

/// Comes back at once, and otherwise waits as long as a busy machine may need.
const BRISK: Timing = Timing {
    response: PATIENCE,
    reconnect_first: Duration::from_millis(5),
    reconnect_longest: Duration::from_millis(50),
    look: Duration::from_millis(10),
    ..Timing::USUAL
};

/// A centre as the server has it, and what belongs to it.
struct Rig {
    centre: Arc<SmppCentre>,
    task: JoinHandle<()>,
    inbox: Arc<TestInbox>,
    stop: watch::Sender<crate::duties::Duty>,
    counts: RouteMeasures,
}

impl Rig {
    fn start(config: &SmsConfig) -> Self {
        Self::timed(config, BRISK)
    }

    fn timed(config: &SmsConfig, timing: Timing) -> Self {
        let route = &config.routes[0];
        let (stop, stopping) = watch::channel(crate::duties::Duty::On);
        let inbox = TestInbox::new();
        let counts = SmsMeasures::default().of(&route.name);
        let link = Link::new(route, smpp(route)).unwrap();
        let (number, shared) = (config.number.clone(), Arc::clone(&inbox));
        let (centre, task) =
            SmppCentre::start_timed(route, smpp(route), link, number, shared, stopping, counts.clone(), timing);
        Self { centre: Arc::new(centre), task, inbox, stop, counts }
    }

    async fn until_up(&self) {
        until("the session is bound", || self.centre.is_up()).await;
    }

    async fn until_down(&self) {
        until("the session is down", || !self.centre.is_up()).await;
    }
}

fn smpp(route: &RouteConfig) -> &SmppConfig {
    match &route.kind {
        RouteKind::Smpp(smpp) => smpp,
        RouteKind::Gateway(_) => panic!("it is no centre"),
    }
}
