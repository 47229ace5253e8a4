//! The calls to ModemManager that are needed, blocking, on a small runtime of their own.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin as Pinned;
use std::time::{Duration, Instant};

use matchbook_protocol::sms::Body;
use tokio::runtime::{Builder, Runtime};
use zbus::export::futures_core::Stream;
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath, OwnedVariant, Variant};

use super::name::{self, ModemName};
use crate::bearer::modem::{ModemError, Pin};

const SERVICE: &str = "org.freedesktop.ModemManager1";
const ROOT: &str = "/org/freedesktop/ModemManager1";
const MODEM: &str = "org.freedesktop.ModemManager1.Modem";
const MESSAGING: &str = "org.freedesktop.ModemManager1.Modem.Messaging";
const SHORT: &str = "org.freedesktop.ModemManager1.Sms";
const SIM: &str = "org.freedesktop.ModemManager1.Sim";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";

/// How long a call may take: sending waits for the network, which has a minute.
const CALL_WAIT: Duration = Duration::from_secs(100);
/// How many signals wait; what is beyond is found in the list.
const MAX_SIGNALS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// The longest sentence of ModemManager that is passed on.
const MAX_CAUSE: usize = 200;

/// MMSmsState: the message is whole. While parts are missing it is 2.
const RECEIVED: u32 = 3;
/// MMModemState: waits for the PIN.
const LOCKED: i32 = 2;
/// MMModemState: enabled, or beyond that registered or connected.
const ENABLED: i32 = 6;
/// MMModemLock: the SIM card's PIN.
const SIM_PIN: u32 = 2;

/// A connection to ModemManager, and one of its modems, enabled.
pub(super) struct Bus {
    connection: Connection,
    added: MessageStream,
    modem: String,
    // The last to go: what stands above it ends on it.
    runtime: Runtime,
}

/// A call failed.
#[derive(Debug)]
pub(super) enum BusError {
    /// ModemManager says no.
    Refused(String),
    /// The bus, ModemManager or the modem is there no more, or does not answer.
    Gone(String),
}

/// A short message as ModemManager has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) number: String,
    pub(super) text: String,
    pub(super) data: Vec<u8>,
}

impl Bus {
    /// Finds the modem, unlocks and enables it.
    pub(super) fn open(name: &ModemName, pin: Option<&Pin>) -> Result<Self, ModemError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ModemError::Bus { cause: error.to_string() })?;
        let (connection, modem, added) = runtime.block_on(async {
            let bus = zbus::connection::Builder::system().method_timeout(CALL_WAIT).build().await;
            let connection = bus.map_err(|error| ModemError::Bus { cause: clean(&error.to_string()) })?;
            let modem = find(&connection, name).await?;
            enable(&connection, &modem, pin).await?;
            let added = listen_to(&connection, &modem).await.map_err(|error| explain("listen", sort(error)))?;
            Ok((connection, modem, added))
        })?;
        Ok(Self { connection, added, modem, runtime })
    }

    /// The paths of all messages.
    pub(super) fn list(&self) -> Result<Vec<String>, BusError> {
        self.runtime.block_on(async {
            let reply = call(&self.connection, &self.modem, MESSAGING, "List", &()).await?;
            let paths: Vec<OwnedObjectPath> = reply.body().deserialize().map_err(sort)?;
            Ok(paths.into_iter().map(|path| path.to_string()).collect())
        })
    }

    /// A message that came and is whole; `None` for any other.
    pub(super) fn read(&self, path: &str) -> Result<Option<Short>, BusError> {
        let properties = self.runtime.block_on(all(&self.connection, path, SHORT));
        let mut properties = match properties {
            Ok(properties) => properties,
            // Deleted meanwhile.
            Err(BusError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if properties.get("State").and_then(number_of) != Some(RECEIVED) {
            return Ok(None);
        }
        let mut text = |name: &str| properties.remove(name).and_then(|value| String::try_from(value).ok());
        let (number, text) = (text("Number").unwrap_or_default(), text("Text").unwrap_or_default());
        let data = properties.remove("Data").and_then(|value| Vec::<u8>::try_from(value).ok());
        Ok(Some(Short { number, text, data: data.unwrap_or_default() }))
    }

    /// Writes a message; gives its path.
    pub(super) fn create(&self, number: &str, body: &Body) -> Result<String, BusError> {
        let content = match body {
            Body::Data(data) => ("data", Variant::from(data.clone())),
            Body::Text(text) => ("text", Variant::from(text.clone())),
        };
        let properties = HashMap::from([("number", Variant::from(number)), content]);
        self.runtime.block_on(async {
            let reply = call(&self.connection, &self.modem, MESSAGING, "Create", &(properties,)).await?;
            let path: OwnedObjectPath = reply.body().deserialize().map_err(sort)?;
            Ok(path.to_string())
        })
    }

    /// Sends a message that was written.
    pub(super) fn send(&self, path: &str) -> Result<(), BusError> {
        self.runtime.block_on(call(&self.connection, path, SHORT, "Send", &())).map(drop)
    }

    /// Deletes a message.
    pub(super) fn delete(&self, path: &str) -> Result<(), BusError> {
        let Ok(path) = OwnedObjectPath::try_from(path) else { return Ok(()) };
        self.runtime.block_on(call(&self.connection, &self.modem, MESSAGING, "Delete", &(path,))).map(drop)
    }

    /// Waits until then for a notice that a message came; whether there was one.
    pub(super) fn listen(&mut self, until: Instant) -> Result<bool, BusError> {
        let added = &mut self.added;
        let notice = std::future::poll_fn(|context| Pinned::new(&mut *added).poll_next(context));
        match self.runtime.block_on(async { tokio::time::timeout_at(until.into(), notice).await }) {
            Ok(Some(Ok(_))) => Ok(true),
            Ok(Some(Err(error))) => Err(sort(error)),
            Ok(None) => Err(BusError::Gone("the connection ended".to_owned())),
            Err(_) => Ok(false),
        }
    }
}

async fn find(connection: &Connection, name: &ModemName) -> Result<String, ModemError> {
    let reply = call(connection, ROOT, OBJECTS, "GetManagedObjects", &()).await;
    let reply = reply.map_err(|error| explain("list its modems", error))?;
    type Objects = HashMap<OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>>;
    let objects: Objects = reply.body().deserialize().map_err(|error| explain("list its modems", sort(error)))?;
    let can_send =
        |(path, interfaces): (OwnedObjectPath, HashMap<_, _>)| interfaces.contains_key(MODEM).then(|| path.to_string());
    let mut modems: Vec<String> = objects.into_iter().filter_map(can_send).collect();
    modems.sort();
    match (name, modems.as_slice()) {
        (ModemName::Only, [only]) => Ok(only.clone()),
        (ModemName::Only, []) => Err(ModemError::NoModem { name: None }),
        (ModemName::Only, several) => {
            let numbers = several.iter().map(|path| name::number(path).to_owned()).collect();
            Err(ModemError::SeveralModems { numbers })
        }
        (ModemName::Path(path), known) if known.contains(path) => Ok(path.clone()),
        (ModemName::Path(_), _) => Err(ModemError::NoModem { name: name.text() }),
    }
}

async fn enable(connection: &Connection, modem: &str, pin: Option<&Pin>) -> Result<(), ModemError> {
    let doing = "say how the modem is";
    let properties = all(connection, modem, MODEM).await.map_err(|error| explain(doing, error))?;
    let state = properties.get("State").and_then(|value| i32::try_from(value).ok()).unwrap_or_default();
    if state == LOCKED {
        unlock(connection, &properties, pin).await?;
    }
    if state < ENABLED {
        let enabled = call(connection, modem, MODEM, "Enable", &(true,)).await;
        enabled.map_err(|error| explain("enable the modem", error))?;
    }
    Ok(())
}

async fn unlock(
    connection: &Connection,
    modem: &HashMap<String, OwnedVariant>,
    pin: Option<&Pin>,
) -> Result<(), ModemError> {
    if modem.get("UnlockRequired").and_then(number_of) != Some(SIM_PIN) {
        return Err(ModemError::Locked { waits_for: "more than a PIN".to_owned() });
    }
    let pin = pin.ok_or(ModemError::PinNeeded)?;
    let sim = modem.get("Sim").and_then(|value| OwnedObjectPath::try_from(value.clone()).ok());
    let sim = sim.ok_or(ModemError::NoSim)?;
    match call(connection, sim.as_str(), SIM, "SendPin", &(pin.digits(),)).await {
        Ok(_) => Ok(()),
        Err(BusError::Refused(_)) => Err(ModemError::PinRefused),
        Err(error) => Err(explain("unlock the SIM card", error)),
    }
}

async fn listen_to(connection: &Connection, modem: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(SERVICE)
        .path(modem.to_owned())
        .interface(MESSAGING)
        .member("Added")
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(MAX_SIGNALS)).await
}

async fn all(connection: &Connection, path: &str, interface: &str) -> Result<HashMap<String, OwnedVariant>, BusError> {
    let reply = call(connection, path, PROPERTIES, "GetAll", &(interface,)).await?;
    reply.body().deserialize().map_err(sort)
}

async fn call<B: arguments::Arguments>(
    connection: &Connection,
    path: &str,
    interface: &str,
    method: &str,
    body: &B,
) -> Result<zbus::Message, BusError> {
    connection.call_method(Some(SERVICE), path, Some(interface), method, body).await.map_err(sort)
}

/// What zbus asks of a call's arguments, under one name.
mod arguments {
    pub(super) trait Arguments: zbus::export::serde::Serialize + zbus::DynamicType {}
    impl<T: zbus::export::serde::Serialize + zbus::DynamicType> Arguments for T {}
}

fn number_of(value: &OwnedVariant) -> Option<u32> {
    u32::try_from(value).ok()
}

/// Whether ModemManager refused, or is not there.
fn sort(error: zbus::Error) -> BusError {
    use zbus::fdo;
    match error {
        zbus::Error::MethodError(_, text, _) => BusError::Refused(clean(&text.unwrap_or_default())),
        zbus::Error::FDO(error) => match *error {
            fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) => {
                BusError::Gone("it does not run".to_owned())
            }
            fdo::Error::NoReply(_) | fdo::Error::Disconnected(_) => BusError::Gone("no answer".to_owned()),
            fdo::Error::AccessDenied(_) => BusError::Refused("this user may not use modems".to_owned()),
            other => BusError::Refused(clean(&other.to_string())),
        },
        other => BusError::Gone(clean(&other.to_string())),
    }
}

fn explain(doing: &'static str, error: BusError) -> ModemError {
    match error {
        BusError::Refused(cause) => ModemError::Manager { doing, cause },
        BusError::Gone(cause) => ModemError::Bus { cause },
    }
}

/// Text of another program for a terminal: short, and without control characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CAUSE).collect()
}
