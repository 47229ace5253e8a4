//! A land with a mobile network: a server that sends by its centres, and phones.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use matchbook_protocol::sms::{Address, Body, Form, Limits, Reassembler, Segment, segments};
use matchbook_protocol::{AuthenticatorId, CodeSet, Downlink, Enrolment};
use matchbook_server::{ServerConfig, SmsConfig};
use matchbook_smsc::{Centre, CentreOptions, Conditions, Network, Phone};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::{Hand, Hooked, Mobile, Reply, Site, eventually, site};

/// What devices send to.
pub(crate) const SERVER: &str = "16020";

/// What the server shows the centre.
pub(crate) const PASSWORD: &str = "pA55w0rd";

/// A simulated network, on a thread of its own.
pub(crate) struct Air {
    pub(crate) network: Arc<Network>,
    pub(crate) runtime: Runtime,
}

/// How a server sends by a centre.
pub(crate) struct Way {
    name: &'static str,
    address: SocketAddr,
    more: &'static str,
}

/// A server, its network, and its only centre.
pub(crate) struct Land {
    pub(crate) site: Site,
    store: Option<Arc<Hooked>>,
    pub(crate) centre: Option<Centre>,
    pub(crate) air: Air,
}

impl Air {
    /// A perfect one.
    pub(crate) fn new() -> Self {
        Self::with(Conditions::default())
    }

    pub(crate) fn with(conditions: Conditions) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let network = {
            let _inside = runtime.enter();
            Network::new(conditions)
        };
        Self { network, runtime }
    }

    /// A centre on a free port.
    pub(crate) fn centre(&self) -> Centre {
        self.centre_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// A centre where one was, perhaps a moment ago.
    pub(crate) fn centre_at(&self, address: SocketAddr) -> Centre {
        let options = CentreOptions { retry_pause: std::time::Duration::from_millis(100), ..CentreOptions::default() };
        self.runtime.block_on(Centre::start(Arc::clone(&self.network), address, options)).unwrap()
    }

    pub(crate) fn stop(&self, centre: Centre) {
        self.runtime.block_on(centre.stop());
    }

    pub(crate) fn phone(&self, number: &str) -> Phone {
        let _inside = self.runtime.enter();
        self.network.phone(number.parse().unwrap())
    }

    /// Sends one short message to the server.
    pub(crate) fn send(&self, phone: &Phone, segment: Segment) {
        self.runtime.block_on(phone.send(&server(), segment));
    }

    /// How many short messages the centres took for phones.
    pub(crate) fn submitted(&self) -> u64 {
        self.network.counts().submitted
    }

    /// How many short messages of phones the server has.
    pub(crate) fn taken(&self) -> u64 {
        self.network.counts().mo_delivered
    }
}

/// A way by a centre; `more` are lines of its table.
pub(crate) fn way(name: &'static str, centre: &Centre, more: &'static str) -> Way {
    way_at(name, centre.address(), more)
}

/// A way by what listens there.
pub(crate) fn way_at(name: &'static str, address: SocketAddr, more: &'static str) -> Way {
    Way { name, address, more }
}

/// The settings of a server that sends by these; `top` is what stands above them.
pub(crate) fn settings(top: &str, ways: &[Way]) -> ServerConfig {
    let mut text = format!("number = \"{SERVER}\"\n{top}\n");
    for Way { name, address, more } in ways {
        let pace = if more.contains("per_second") { "" } else { "per_second = 5000\nwindow = 100\n" };
        text += &format!(
            "[[centre]]\nname = \"{name}\"\naddress = \"{address}\"\nsystem_id = \"matchbook\"\npassword = \"{PASSWORD}\"\n\
             {pace}{more}\n"
        );
    }
    let sms = SmsConfig::from_toml(&text, Path::new("/")).unwrap_or_else(|error| panic!("{error}: {text}"));
    ServerConfig { sms: Some(Arc::new(sms)), ..site::config() }
}

pub(crate) fn server() -> Address {
    SERVER.parse().unwrap()
}

/// The octets of a short message as they count against the 140 of one.
pub(crate) fn octets(segment: &Segment) -> usize {
    segment.header.len()
        + match &segment.body {
            Body::Data(data) => data.len(),
            Body::Text(text) => (text.len() * 7).div_ceil(8),
        }
}

impl Land {
    /// A perfect network and a realm `sea` with this policy. `top` is what stands above the centre in the settings.
    pub(crate) fn new(top: &str, policy: &Value) -> Self {
        Self::with(Air::new(), top, "", policy)
    }

    pub(crate) fn with(air: Air, top: &str, more: &'static str, policy: &Value) -> Self {
        let centre = air.centre();
        let ways = [way("north", &centre, more)];
        Self::of(air, centre, top, &ways, policy)
    }

    /// A server with several ways; `centre` is the one of them that is looked after.
    pub(crate) fn of(air: Air, centre: Centre, top: &str, ways: &[Way], policy: &Value) -> Self {
        let (site, store) = Site::hooked_with(settings(top, ways));
        site.realm("sea", policy);
        let land = Self { site, store: Some(store), centre: Some(centre), air };
        land.bound();
        land
    }

    /// Waits until the server is bound at the centre.
    pub(crate) fn bound(&self) {
        eventually("the server is bound", || self.centre().bound() == 1);
    }

    /// The store's faults.
    pub(crate) fn store(&self) -> &Hooked {
        self.store.as_ref().unwrap()
    }

    /// Kills the server, does something meanwhile, and starts another on its store.
    pub(crate) fn kill(&mut self, meanwhile: impl FnOnce(&Self)) {
        drop(self.site.take_node());
        meanwhile(self);
        self.store = None;
        self.site.kill_and_restart();
        self.bound();
    }

    pub(crate) fn centre(&self) -> &Centre {
        self.centre.as_ref().unwrap()
    }

    /// An enrolment of a user's device that has short messages alone.
    pub(crate) fn enrolment(&self, user: &str, number: &str, suite: &str, delivery: &str) -> Enrolment {
        enrolment(&self.site, "sea", user, number, suite, delivery)
    }

    /// A device that has an enrolment and has sent nothing yet.
    pub(crate) fn new_mobile(&self, user: &str, number: &str, suite: &str) -> Mobile {
        Mobile::new(&self.air, number, &self.enrolment(user, number, suite, "shared"))
    }

    /// A device with its first set, which the server knows that it has.
    pub(crate) fn mobile(&self, user: &str, number: &str) -> Mobile {
        let mut mobile = self.new_mobile(user, number, "symmetric");
        mobile.until("the first set", |mobile| mobile.sets() == 1);
        self.settled(&mut mobile);
        mobile
    }

    /// Waits until nothing is in the outbox of a device.
    pub(crate) fn settled(&self, mobile: &mut Mobile) {
        mobile.until("all is acknowledged", |mobile| self.site.stored(mobile.id()).outbox.is_empty());
    }

    /// What the API lists of a device's short messages.
    pub(crate) fn messages(&self, mobile: &Mobile) -> Value {
        self.messages_of(mobile.id())
    }

    /// The same of any device.
    pub(crate) fn messages_of(&self, id: AuthenticatorId) -> Value {
        self.site.operator().get(&format!("/v1/realms/sea/devices/{id}/messages?limit=1000")).ok()
    }

    pub(crate) fn set_number(&self, id: AuthenticatorId, number: Option<&str>) -> Reply {
        self.site.operator().put(&format!("/v1/realms/sea/devices/{id}/number"), &json!({ "number": number }))
    }

    pub(crate) fn push(&self, mobile: &Mobile) {
        self.site.command("sea", mobile.id(), "push").ok();
    }

    pub(crate) fn accepts(&self, user: &str, code: &str) -> bool {
        self.site.relying_party("sea", &super::operation()).accepts(&super::attempt(user, code))
    }

    /// The count of short messages of one kind, in the metrics.
    pub(crate) fn counted(&self, event: &str) -> f64 {
        self.site.metric(&format!("matchbook_short_messages_total{{event=\"{event}\"}}"))
    }

    /// How many events of this kind the realm has.
    pub(crate) fn events(&self, kind: &str) -> usize {
        self.site.events("sea").iter().filter(|(found, _)| found == kind).count()
    }
}

/// A device without an engine: each message is made by hand, so that a test says what is sent, by whom and how often.
pub(crate) struct Handset {
    pub(crate) hand: Hand,
    pub(crate) phone: Phone,
    /// Every message that came.
    pub(crate) came: Vec<Vec<u8>>,
}

impl Handset {
    pub(crate) fn new(land: &Land, user: &str, number: &str) -> Self {
        let hand = Hand::new(&land.enrolment(user, number, "symmetric", "shared"));
        Self { hand, phone: land.air.phone(number), came: Vec::new() }
    }

    /// One that is enrolled.
    pub(crate) fn enrolled(land: &Land, user: &str, number: &str) -> Self {
        let mut handset = Self::new(land, user, number);
        let message = handset.hand.seal_enrol();
        handset.send(land, &message);
        handset.until("the answer to the enrolment", |came| came.len() == 1);
        handset.came.clear();
        handset
    }

    /// Sends a message.
    pub(crate) fn send(&self, land: &Land, message: &[u8]) {
        send_from(land, &self.phone, message);
    }

    /// Waits for what comes.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&[Vec<u8>]) -> bool) {
        let Self { phone, came, .. } = self;
        eventually(what, || {
            while let Some(incoming) = phone.try_receive() {
                let joined = Reassembler::new(Limits::default()).accept(&incoming.from, &incoming.segment, site::now());
                came.extend(joined.unwrap());
            }
            is_so(came)
        });
    }

    /// The sets among what came.
    pub(crate) fn sets(&self) -> Vec<CodeSet> {
        let opened = self.came.iter().map(|message| self.hand.open(message));
        opened
            .filter_map(|message| match message {
                Downlink::Set(set) => Some(set),
                Downlink::Rotation { .. } | Downlink::Sync { .. } => None,
            })
            .collect()
    }
}

/// Sends a message from a phone, whosever it is.
pub(crate) fn send_from(land: &Land, phone: &Phone, message: &[u8]) {
    for segment in segments(message, Form::Binary, message.last().copied().unwrap_or_default()).unwrap() {
        land.air.send(phone, segment);
    }
}

/// An enrolment of a device that has short messages alone.
pub(crate) fn enrolment(site: &Site, realm: &str, user: &str, number: &str, suite: &str, delivery: &str) -> Enrolment {
    site.user(realm, user);
    let body = json!({
        "user": user, "suite": suite, "delivery": delivery, "number": number, "bearer": "sms",
    });
    let made = site.operator().post(&format!("/v1/realms/{realm}/enrolments"), &body).ok();
    Enrolment::from_uri(made["uri"].as_str().unwrap()).unwrap()
}
