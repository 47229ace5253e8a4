//! What goes wrong with a modem. Each is one sentence with the next step.

use std::error::Error;
use std::fmt;

/// A modem did not do as told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModemError {
    /// The serial port cannot be opened or set up.
    Port {
        /// The port.
        port: String,
        /// The system's reason.
        cause: String,
    },
    /// Another program has the serial port.
    PortInUse {
        /// The port.
        port: String,
    },
    /// The modem went away: unplugged, or reset itself.
    Gone {
        /// The port, or the modem's name.
        modem: String,
    },
    /// Nothing answers on the serial port, or what answers is no modem.
    Silent {
        /// The port.
        port: String,
    },
    /// The SIM card wants its PIN and none was given.
    PinNeeded,
    /// The SIM card refuses the PIN that was given. It is not tried again: after three the card locks itself.
    PinRefused,
    /// The SIM card is locked in a way that a PIN does not open.
    Locked {
        /// What the modem says that it waits for.
        waits_for: String,
    },
    /// There is no SIM card, or it does not work.
    NoSim,
    /// The modem or the network refused a command.
    Refused {
        /// What was to be done.
        doing: &'static str,
        /// How it was refused.
        refusal: Refusal,
    },
    /// A message was handed over, and the modem did not say what became of it.
    InDoubt,
    /// The modem's own store of messages is full, so that nothing more can come.
    StoreFull {
        /// How many messages it holds.
        messages: u32,
    },
    /// The modem sends no messages of this kind.
    CannotSend {
        /// Why.
        why: &'static str,
    },
    /// D-Bus or ModemManager cannot be reached.
    Bus {
        /// What it says.
        cause: String,
    },
    /// ModemManager has no such modem.
    NoModem {
        /// Which one was asked for; `None` for any.
        name: Option<String>,
    },
    /// ModemManager has several modems and none was named.
    SeveralModems {
        /// Their numbers.
        numbers: Vec<String>,
    },
    /// ModemManager refused a call.
    Manager {
        /// What was to be done.
        doing: &'static str,
        /// What it says, without control characters.
        cause: String,
    },
}

/// How a modem refuses a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// ERROR alone.
    Plain,
    /// +CME ERROR (TS 27.007 §9.2): the modem or the SIM card.
    Equipment(u16),
    /// +CMS ERROR (TS 27.005 §3.2.5): the network or the message store.
    Message(u16),
}

impl ModemError {
    /// Whether the message may have gone out all the same: then it is not sent again at once.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt)
    }

    /// Whether trying again is of no use before a person has done something.
    #[must_use]
    pub const fn needs_a_person(&self) -> bool {
        matches!(
            self,
            Self::PinNeeded
                | Self::PinRefused
                | Self::Locked { .. }
                | Self::SeveralModems { .. }
                | Self::CannotSend { .. }
        )
    }
}

impl fmt::Display for ModemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { port, cause } => {
                write!(f, "the modem's port {port} cannot be used ({cause}): check its name and that you may use it")
            }
            Self::PortInUse { port } => {
                write!(f, "another program uses {port}: stop it, or use the modem through ModemManager (mm)")
            }
            Self::Gone { modem } => write!(f, "the modem at {modem} went away: plug it in again"),
            Self::Silent { port } => write!(
                f,
                "no modem answers at {port}: many modems have several ports, of which one takes commands; try the others"
            ),
            Self::PinNeeded => f.write_str("the SIM card wants its PIN: put it into a file and name it with --pin-file"),
            Self::PinRefused => f.write_str(
                "the SIM card refuses the PIN, which is not tried again (after three wrong ones the card locks itself): \
                 check the PIN",
            ),
            Self::Locked { waits_for } => {
                write!(f, "the SIM card is locked ({waits_for}): unlock it in a telephone first")
            }
            Self::NoSim => f.write_str("the modem has no SIM card that works: put one in"),
            Self::Refused { doing, refusal } => {
                write!(f, "the modem refused to {doing} ({refusal}): {}", refusal.next_step())
            }
            Self::InDoubt => f.write_str(
                "the modem did not say whether it sent the message: it is sent again later, and taken once by the server",
            ),
            Self::StoreFull { messages } => write!(
                f,
                "the modem's store is full with {messages} messages, so that no more can come: delete some of them"
            ),
            Self::CannotSend { why } => write!(f, "the modem cannot send this message: {why}"),
            Self::Bus { cause } => write!(
                f,
                "ModemManager cannot be reached ({cause}): check that it runs, or name the modem's serial port instead"
            ),
            Self::NoModem { name: Some(name) } => {
                write!(f, "ModemManager has no modem {name}: `mmcli -L` lists those that it has")
            }
            Self::NoModem { name: None } => {
                f.write_str("ModemManager has no modem: plug one in; `mmcli -L` lists those that it has")
            }
            Self::SeveralModems { numbers } => {
                write!(f, "ModemManager has several modems: name one of mm:{}", numbers.join(", mm:"))
            }
            Self::Manager { doing, cause } => {
                write!(f, "ModemManager could not {doing} ({cause}): `mmcli -m any` shows the modem's state")
            }
        }
    }
}

impl Error for ModemError {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (family, number, words) = match self {
            Self::Plain => return f.write_str("ERROR"),
            Self::Equipment(number) => ("CME", number, equipment_words(*number)),
            Self::Message(number) => ("CMS", number, message_words(*number)),
        };
        write!(f, "{family} error {number}")?;
        if words.is_empty() { Ok(()) } else { write!(f, ", {words}") }
    }
}

impl Refusal {
    /// What a person can do about it.
    const fn next_step(self) -> &'static str {
        match self {
            Self::Equipment(10 | 13 | 15) | Self::Message(310 | 313 | 315) => "check the SIM card",
            Self::Equipment(11 | 16) | Self::Message(311) => "name a file with the SIM card's PIN with --pin-file",
            Self::Equipment(30..=32) | Self::Message(331 | 332) => "check the antenna, and that the SIM card is active",
            Self::Message(1 | 28 | 29) => "check the server's number",
            Self::Message(8 | 10 | 50) => "check with the operator that the SIM card may send messages",
            Self::Message(330) => "set the number of the operator's message centre, in a telephone or with AT+CSCA",
            Self::Message(322) => "delete messages from the modem",
            Self::Plain | Self::Equipment(_) | Self::Message(_) => "try again later, or another modem",
        }
    }
}

/// The commoner of TS 27.007 §9.2.1.
const fn equipment_words(number: u16) -> &'static str {
    match number {
        3 => "not allowed now",
        4 => "not supported",
        10 => "no SIM card",
        11 => "the SIM card wants its PIN",
        12 => "the SIM card wants its PUK",
        13 => "the SIM card failed",
        14 => "the SIM card is busy",
        15 => "the wrong SIM card",
        16 => "the wrong PIN",
        20 => "the memory is full",
        30 => "no network",
        31 => "the network took too long",
        32 => "only emergency calls",
        _ => "",
    }
}

/// The commoner of TS 27.005 §3.2.5 and TS 24.011 annex E.
const fn message_words(number: u16) -> &'static str {
    match number {
        1 => "no such number",
        8 => "barred by the operator",
        10 => "barred",
        21 => "refused by the network",
        27 => "the other side is out of service",
        28 => "the network does not know this subscriber",
        29 | 69 => "the network does not do this",
        38 => "the network is out of order",
        41 | 42 | 47 => "the network is busy",
        50 => "not subscribed",
        310 => "no SIM card",
        311 => "the SIM card wants its PIN",
        313 => "the SIM card failed",
        314 => "the SIM card is busy",
        315 => "the wrong SIM card",
        320 => "the message store failed",
        321 => "no message at that place",
        322 => "the message store is full",
        330 => "the number of the message centre is not set",
        331 => "no network",
        332 => "the network took too long",
        _ => "",
    }
}
