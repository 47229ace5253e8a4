//! A server with a store, and who calls it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use matchbook_protocol::{AuthenticatorId, Enrolment, Epoch, Secret};
use matchbook_rules::keyring::{KeyPlace, Keyring};
use matchbook_rules::{DeviceSnapshot, Role};
use matchbook_server::{NewToken, Running, ServerConfig};
use matchbook_store::Store;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle, Runtime};

use super::stands::{Place, open};
use super::{Api, Hand, Hooked, Phone, Stands, eventually};

/// The key-encryption key of all tests.
pub(crate) const KEK: [u8; 32] = *b"the KEK of the tests, 32 bytes..";
/// The pepper of all tests.
pub(crate) const PEPPER: [u8; 32] = *b"the pepper of the tests, 32 byte";

/// A keyring like the server's.
pub(crate) fn keyring() -> Keyring {
    Keyring::new(Secret::new(KEK), Secret::new(PEPPER), 1)
}

/// A free port, and no limit that the tests' devices, which all call from one address, could reach.
pub(crate) fn config() -> ServerConfig {
    ServerConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        device_messages_per_second: 100_000,
        api_calls_per_second: 1_000_000,
        ..ServerConfig::default()
    }
}

/// A server at work, on threads of its own.
pub(crate) struct Node {
    running: Option<Running>,
    runtime: Option<Runtime>,
    pub(crate) url: String,
}

impl Node {
    pub(crate) fn start(store: Arc<dyn Store>, config: ServerConfig) -> Self {
        Self::start_on(async { store }, config)
    }

    /// On a store that it opens itself, whose connections end with it.
    pub(crate) fn start_on(store: impl Future<Output = Arc<dyn Store>>, config: ServerConfig) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.block_on(async { Running::start(config, store.await, keyring()).await }).unwrap();
        Self { url: running.url().to_owned(), running: Some(running), runtime: Some(runtime) }
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) {
        let running = self.running.take().unwrap();
        self.runtime.as_ref().unwrap().block_on(running.stop());
    }
}

impl Drop for Node {
    /// Ends it like a kill does: whatever it is at is not finished. What the store has begun, it ends.
    fn drop(&mut self) {
        self.running = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(super::PATIENCE);
        }
    }
}

/// A store with a server on it, and an operator.
pub(crate) struct Site {
    node: Option<Node>,
    /// What the test itself looks into. The servers share it when no other can open it beside this one.
    store: Option<Arc<dyn Store>>,
    place: Place,
    reader: Runtime,
    pub(crate) config: ServerConfig,
    operator_token: String,
}

impl Site {
    /// On any store.
    pub(crate) fn on(stands: Stands) -> Self {
        Self::on_with(stands, config())
    }

    /// The same, with settings of its own.
    pub(crate) fn on_with(stands: Stands, config: ServerConfig) -> Self {
        Self::build(stands, config, |store| store, Place::node)
    }

    /// On SQLite, in a folder of its own.
    pub(crate) fn new() -> Self {
        Self::on(Stands::Sqlite)
    }

    /// In memory.
    pub(crate) fn in_memory() -> Self {
        Self::on(Stands::Memory)
    }

    /// Behind a store that fails or waits when it is told to.
    pub(crate) fn hooked_on(stands: Stands) -> (Self, Arc<Hooked>) {
        Self::hooked_on_with(stands, config())
    }

    /// On SQLite, behind such a store.
    pub(crate) fn hooked() -> (Self, Arc<Hooked>) {
        Self::hooked_on(Stands::Sqlite)
    }

    /// In memory, behind such a store.
    pub(crate) fn hooked_in_memory() -> (Self, Arc<Hooked>) {
        Self::hooked_on(Stands::Memory)
    }

    /// On SQLite, behind such a store; with settings of its own.
    pub(crate) fn hooked_with(config: ServerConfig) -> (Self, Arc<Hooked>) {
        Self::hooked_on_with(Stands::Sqlite, config)
    }

    /// With these settings.
    pub(crate) fn hooked_on_with(stands: Stands, config: ServerConfig) -> (Self, Arc<Hooked>) {
        let mut hooked = None;
        let hook = |store| Arc::clone(hooked.insert(Arc::new(Hooked::new(store)))) as Arc<dyn Store>;
        let site = Self::build(stands, config, hook, |_, store, config| Node::start(store, config));
        (site, hooked.unwrap())
    }

    fn build(
        stands: Stands,
        config: ServerConfig,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
        serve: impl FnOnce(&Place, Arc<dyn Store>, ServerConfig) -> Node,
    ) -> Self {
        // With a thread of its own, as connections to a database have to be looked after.
        let reader = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let place = Place::of(stands);
        let store = wrap(reader.block_on(place.store(stands)));
        let (changes, token) = NewToken::make(Role::Operator, "tests".to_owned(), None).into_changes();
        reader.block_on(store.commit(changes)).unwrap();
        let node = serve(&place, Arc::clone(&store), config.clone());
        let operator_token = token.to_string();
        Self { node: Some(node), store: Some(store), place, reader, config, operator_token }
    }

    pub(crate) fn url(&self) -> &str {
        &self.node.as_ref().unwrap().url
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.place.file()
    }

    /// Runs something of the store's.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.reader.block_on(work)
    }

    /// What does the same on another thread.
    pub(crate) fn reader(&self) -> Handle {
        self.reader.handle().clone()
    }

    /// Another server on the same store, without the first one's lanes and caches.
    pub(crate) fn second(&self) -> Node {
        self.place.node(Arc::clone(self.store()), self.config.clone())
    }

    /// Stops the server in good order, lets go of the store, opens it again and serves it.
    pub(crate) fn restart(&mut self) {
        self.node.take().unwrap().stop();
        self.reopen();
    }

    /// The same, but the server is killed.
    pub(crate) fn kill_and_restart(&mut self) {
        self.node = None;
        self.reopen();
    }

    fn reopen(&mut self) {
        match &self.place {
            Place::Database(_) => self.node = Some(self.second()),
            Place::Folder(_) => {
                self.close();
                self.serve(open(&self.path()));
            }
            Place::Here => panic!("what is in memory is gone"),
        }
    }

    /// Ends the server, and lets go of the store.
    pub(crate) fn close(&mut self) {
        self.node = None;
        let store = self.store.take().unwrap();
        eventually("the server lets go of the store", || Arc::strong_count(&store) == 1);
    }

    /// Serves another store.
    pub(crate) fn serve(&mut self, store: Arc<dyn Store>) {
        self.node = Some(Node::start(Arc::clone(&store), self.config.clone()));
        self.store = Some(store);
    }

    pub(crate) fn take_node(&mut self) -> Node {
        self.node.take().unwrap()
    }

    pub(crate) fn operator(&self) -> Api {
        Api::new(self.url(), Some(&self.operator_token))
    }

    pub(crate) fn stranger(&self) -> Api {
        Api::new(self.url(), None)
    }

    /// Makes a realm, and a relying party of it.
    pub(crate) fn realm(&self, id: &str, policy: &Value) -> Api {
        self.operator().post("/v1/realms", &json!({ "id": id, "policy": policy })).ok();
        self.relying_party(id, "vpn")
    }

    /// A relying party of a realm.
    pub(crate) fn relying_party(&self, realm: &str, name: &str) -> Api {
        self.token(&json!({ "role": "relying-party", "realm": realm, "name": name }))
    }

    /// A caller with a new token.
    pub(crate) fn token(&self, role: &Value) -> Api {
        let made = self.operator().post("/v1/tokens", role).ok();
        Api::new(self.url(), made["token"].as_str())
    }

    pub(crate) fn user(&self, realm: &str, user: &str) {
        let reply = self.operator().post(&format!("/v1/realms/{realm}/users"), &json!({ "id": user }));
        assert!(matches!(reply.status, 201 | 409), "{reply:?}");
    }

    /// Makes an enrolment for a user, who is made when there is none.
    pub(crate) fn enrolment(&self, realm: &str, user: &str, suite: &str, delivery: &str) -> Enrolment {
        self.user(realm, user);
        let body = json!({ "user": user, "suite": suite, "delivery": delivery });
        let made = self.operator().post(&format!("/v1/realms/{realm}/enrolments"), &body).ok();
        Enrolment::from_uri(made["uri"].as_str().unwrap()).unwrap()
    }

    /// A device that has an enrolment and has not called yet.
    pub(crate) fn new_phone(&self, realm: &str, user: &str, suite: &str, delivery: &str) -> Phone {
        Phone::new(&self.enrolment(realm, user, suite, delivery))
    }

    /// A device with its first set.
    pub(crate) fn phone(&self, realm: &str, user: &str) -> Phone {
        let mut phone = self.new_phone(realm, user, "x25519", "shared");
        phone.sync();
        phone
    }

    /// A device without an engine, with its first set.
    pub(crate) fn hand(&self, realm: &str, user: &str) -> Hand {
        let mut hand = Hand::new(&self.enrolment(realm, user, "symmetric", "shared"));
        hand.enrol();
        hand
    }

    /// What the store holds of a device.
    pub(crate) fn stored(&self, id: AuthenticatorId) -> DeviceSnapshot {
        self.block_on(self.store().load_device(&id)).unwrap().unwrap()
    }

    /// The key in use of a device, as the server has it.
    pub(crate) fn server_key(&self, id: AuthenticatorId) -> (Secret<32>, Epoch) {
        let device = self.stored(id).authenticator;
        let epoch = device.keys.current.epoch;
        let place = KeyPlace { realm: &device.realm, id, epoch };
        (keyring().open_key(&place, &device.keys.current.sealed).unwrap(), epoch)
    }

    /// What the API says of a device.
    pub(crate) fn shown(&self, realm: &str, id: AuthenticatorId) -> Value {
        self.operator().get(&format!("/v1/realms/{realm}/devices/{id}")).ok()
    }

    /// Does something to a device as its operator.
    pub(crate) fn command(&self, realm: &str, id: AuthenticatorId, command: &str) -> super::Reply {
        self.operator().command(&format!("/v1/realms/{realm}/devices/{id}/{command}"))
    }

    /// The kinds and sentences of a realm's events, newest first.
    pub(crate) fn events(&self, realm: &str) -> Vec<(String, String)> {
        let listed = self.operator().get(&format!("/v1/realms/{realm}/events?limit=1000")).ok();
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        listed["items"].as_array().unwrap().iter().map(|item| (text(item, "kind"), text(item, "detail"))).collect()
    }

    pub(crate) fn has_event(&self, realm: &str, kind: &str) -> bool {
        self.events(realm).iter().any(|(found, _)| found == kind)
    }

    /// A metric's value; 0 when it is not there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = String::from_utf8(self.stranger().get("/metrics").body).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned);
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }
}

/// The time, as the server reads it.
pub(crate) fn now() -> matchbook_protocol::UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    matchbook_protocol::UnixMillis(u64::try_from(since.as_millis()).unwrap())
}
