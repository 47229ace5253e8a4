//! An SMPP centre (SMPP 3.4, 5.0) as seen by an ESME: us.

use std::sync::Arc;

use async_trait::async_trait;
use matchbook_protocol::sms::{Address, Form, Segment};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::centre::{Accepted, Centre, Inbox, SubmitError, SubmitOptions};
use super::config::{RouteConfig, SmppConfig, SmsConfigError};
use super::measures::RouteMeasures;

/// How the centre is reached.
pub(crate) struct Link;

impl Link {
    pub(crate) fn new(_: &RouteConfig, _: &SmppConfig) -> Result<Self, SmsConfigError> {
        Ok(Self)
    }
}

/// One SMPP centre.
pub(crate) struct SmppCentre {
    name: String,
    form: Form,
}

impl SmppCentre {
    pub(crate) fn start(
        route: &RouteConfig,
        _: &SmppConfig,
        _: Link,
        _: Address,
        _: Arc<dyn Inbox>,
        _: watch::Receiver<bool>,
        _: RouteMeasures,
    ) -> (Self, JoinHandle<()>) {
        (Self { name: route.name.clone(), form: route.form }, tokio::spawn(async {}))
    }
}

#[async_trait]
impl Centre for SmppCentre {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        self.form
    }

    fn is_up(&self) -> bool {
        false
    }

    fn room(&self) -> usize {
        0
    }

    async fn submit(&self, _: &Address, _: &Segment, _: &SubmitOptions) -> Result<Accepted, SubmitError> {
        Err(SubmitError::Unreachable("the session is not built yet".to_owned()))
    }
}
