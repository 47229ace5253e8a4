//! Gateways against an HTTP server that answers what the test says, the callbacks, and a real Kannel.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod callback;
mod calls;
mod real_kannel;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::timeout;

use super::Callbacks;
use crate::bearer::sms::centre::Centre;
use crate::bearer::sms::centres::{Centres, start};
use crate::bearer::sms::config::SmsConfig;
use crate::bearer::sms::measures::SmsMeasures;
use crate::bearer::sms::testing::{PATIENCE, TestInbox};

pub(super) const SECRET: &str = "0123456789abcdef-secret";

/// A call as the gateway got it.
#[derive(Debug)]
struct Called {
    method: Method,
    query: String,
    media: String,
    authorization: String,
    body: String,
}

/// A gateway by hand: the test says what it answers.
struct Hand {
    port: u16,
    calls: Mutex<mpsc::UnboundedReceiver<Called>>,
    answers: watch::Sender<(u16, &'static str)>,
}

#[derive(Clone)]
struct Desk {
    calls: mpsc::UnboundedSender<Called>,
    answers: watch::Receiver<(u16, &'static str)>,
}

impl Hand {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, calls) = mpsc::unbounded_channel();
        let (answers, receiver) = watch::channel((202, "0: Accepted for delivery"));
        let router = Router::new().fallback(take).with_state(Desk { calls: sender, answers: receiver });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, calls: Mutex::new(calls), answers }
    }

    async fn call(&self) -> Called {
        timeout(PATIENCE, self.calls.lock().await.recv()).await.expect("no call came").unwrap()
    }

    fn answer(&self, status: u16, body: &'static str) {
        self.answers.send_replace((status, body));
    }
}

async fn take(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: axum::http::HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let query = uri.query().unwrap_or_default().to_owned();
    let (media, authorization) = (text(header::CONTENT_TYPE), text(header::AUTHORIZATION));
    desk.calls.send(Called { method, query, media, authorization, body }).unwrap();
    let (status, answer) = *desk.answers.borrow();
    (StatusCode::from_u16(status).unwrap(), answer)
}

/// The gateways of a configuration, as the server has them.
struct Rig {
    centres: Centres,
    inbox: Arc<TestInbox>,
    _stop: watch::Sender<crate::duties::Duty>,
}

impl Rig {
    fn start(config: &SmsConfig) -> Self {
        let (stop, stopping) = watch::channel(crate::duties::Duty::On);
        let inbox = TestInbox::new();
        let centres = start(config, Arc::clone(&inbox) as _, stopping, &SmsMeasures::default()).unwrap();
        Self { centres, inbox, _stop: stop }
    }

    fn only(&self) -> Arc<dyn Centre> {
        Arc::clone(self.centres.all().next().unwrap())
    }

    fn callbacks(&self) -> Callbacks {
        self.centres.callbacks()
    }
}

fn gateway(kind: &str, port: u16, more: &str) -> String {
    format!(
        "number = \"16020\"\n[[gateway]]\nname = \"{kind}\"\nkind = \"{kind}\"\n\
         url = \"http://127.0.0.1:{port}/cgi-bin/sendsms\"\nsecret = \"{SECRET}\"\n{more}\n"
    )
}
