//! All ways out, and which of them a number takes.

use std::sync::{Arc, Mutex, PoisonError};

use matchbook_protocol::sms::Address;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::centre::{Centre, Inbox};
use super::config::{RouteKind, SmsConfig, SmsConfigError};
use super::gateway::{Callbacks, Gateway};
use super::measures::SmsMeasures;
use super::smpp::{self, SmppCentre};
use crate::duties::Duty;

/// Connects to every centre, and stays connected while `duty` is on, until it is over; counts in `measures`, which may be
/// registered already. Needs a tokio runtime.
///
/// # Errors
/// The certificates to believe in cannot be used.
pub(crate) fn start(
    config: &SmsConfig,
    inbox: Arc<dyn Inbox>,
    duty: watch::Receiver<Duty>,
    measures: &SmsMeasures,
) -> Result<Centres, SmsConfigError> {
    let mut routes = Vec::with_capacity(config.routes.len());
    let mut sessions = Vec::new();
    let mut gateways = Vec::new();
    for route in &config.routes {
        let counts = measures.of(&route.name);
        let centre: Arc<dyn Centre> = match &route.kind {
            RouteKind::Smpp(smpp) => {
                let link = smpp::Link::new(route, smpp)?;
                let (centre, session) = SmppCentre::start(
                    route,
                    smpp,
                    link,
                    config.number.clone(),
                    Arc::clone(&inbox),
                    duty.clone(),
                    counts,
                );
                sessions.push(session);
                Arc::new(centre)
            }
            RouteKind::Gateway(gateway) => {
                let gateway = Arc::new(Gateway::new(route, gateway, config.number.clone(), counts));
                gateways.push(Arc::clone(&gateway));
                gateway
            }
        };
        routes.push(Route { prefixes: route.prefixes.clone(), centre });
    }
    Ok(Centres { routes, sessions: Mutex::new(sessions), callbacks: Callbacks::new(inbox, gateways) })
}

/// The centres and gateways of the configuration.
pub(crate) struct Centres {
    routes: Vec<Route>,
    sessions: Mutex<Vec<JoinHandle<()>>>,
    callbacks: Callbacks,
}

struct Route {
    prefixes: Vec<String>,
    centre: Arc<dyn Centre>,
}

impl Centres {
    /// The ways to a number, the best first: those that are up before those that are not; among them the one with the
    /// longest prefix that fits; among those, as they stand in the file. A way whose prefixes do not fit is not there.
    pub(crate) fn for_number(&self, number: &Address) -> Vec<Arc<dyn Centre>> {
        let number = number.to_string();
        let mut fitting: Vec<_> = self
            .routes
            .iter()
            .filter_map(|route| Some((!route.centre.is_up(), -route.fit(&number)?, &route.centre)))
            .collect();
        // A stable sort keeps the file's order.
        fitting.sort_by_key(|(is_down, fit, _)| (*is_down, *fit));
        fitting.into_iter().map(|(_, _, centre)| Arc::clone(centre)).collect()
    }

    /// All of them, in the order of the file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<dyn Centre>> {
        self.routes.iter().map(|route| &route.centre)
    }

    /// What the gateways' callbacks need.
    pub(crate) fn callbacks(&self) -> Callbacks {
        self.callbacks.clone()
    }

    /// Returns when every session has ended, after the duty was over.
    pub(crate) async fn ended(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in sessions {
            if let Err(error) = session.await {
                tracing::error!(%error, "a session with a centre ended badly");
            }
        }
    }
}

impl Route {
    /// The length of the longest prefix that fits, 0 for a way that serves all numbers, `None` when none fits.
    fn fit(&self, number: &str) -> Option<isize> {
        if self.prefixes.is_empty() {
            return Some(0);
        }
        let fitting = self.prefixes.iter().filter(|prefix| number.starts_with(prefix.as_str()));
        fitting.map(|prefix| isize::try_from(prefix.len()).unwrap_or(isize::MAX)).max()
    }
}

#[cfg(test)]
mod tests;
