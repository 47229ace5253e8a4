//! HTTP gateways: Kannel, and whatever takes a POST.

use std::sync::Arc;

use async_trait::async_trait;
use matchbook_protocol::sms::{Address, Form, Segment};

use super::centre::{Accepted, Centre, Inbox, SubmitError, SubmitOptions};
use super::config::{GatewayConfig, RouteConfig};
use super::measures::RouteMeasures;

/// What the callbacks of the gateways need. It is the state of their routes.
#[derive(Clone)]
pub(crate) struct Callbacks {
    _inbox: Option<Arc<dyn Inbox>>,
    _gateways: Arc<[Arc<Gateway>]>,
}

impl Callbacks {
    pub(super) fn new(inbox: Arc<dyn Inbox>, gateways: Vec<Arc<Gateway>>) -> Self {
        Self { _inbox: Some(inbox), _gateways: gateways.into() }
    }
}

/// One HTTP gateway.
pub(crate) struct Gateway {
    name: String,
    form: Form,
}

impl Gateway {
    pub(super) fn new(route: &RouteConfig, _: &GatewayConfig, _: Address, _: RouteMeasures) -> Self {
        Self { name: route.name.clone(), form: route.form }
    }
}

#[async_trait]
impl Centre for Gateway {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        self.form
    }

    fn is_up(&self) -> bool {
        true
    }

    fn room(&self) -> usize {
        0
    }

    async fn submit(&self, _: &Address, _: &Segment, _: &SubmitOptions) -> Result<Accepted, SubmitError> {
        Err(SubmitError::Unreachable("the gateway is not built yet".to_owned()))
    }
}
