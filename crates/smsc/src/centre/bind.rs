//! Who binds, and as what.

use rusmpp::pdus::{BindReceiverResp, BindTransceiverResp, BindTransmitterResp};
use rusmpp::types::COctetString;
use rusmpp::values::InterfaceVersion;
use rusmpp::{CommandId, CommandStatus, Pdu};

use super::options::CentreOptions;
use crate::desk::AddressRange;

/// What an ESME is bound as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It submits.
    Transmitter,
    /// It is delivered to.
    Receiver,
    /// Both.
    Transceiver,
}

impl Role {
    pub(super) fn submits(self) -> bool {
        match self {
            Self::Transmitter | Self::Transceiver => true,
            Self::Receiver => false,
        }
    }

    pub(super) fn receives(self) -> bool {
        match self {
            Self::Receiver | Self::Transceiver => true,
            Self::Transmitter => false,
        }
    }
}

/// A bind of any kind.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) role: Role,
    pub(super) system_id: String,
    pub(super) range: AddressRange,
    password: zeroize::Zeroizing<String>,
    version: u8,
}

impl Bind {
    /// Reads a PDU; `None` when it is no bind.
    pub(super) fn of(pdu: &Pdu) -> Option<Self> {
        macro_rules! bind {
            ($role:expr, $bind:expr) => {
                Self {
                    role: $role,
                    system_id: $bind.system_id.as_str().to_owned(),
                    range: AddressRange::parse($bind.address_range.as_str()),
                    password: $bind.password.as_str().to_owned().into(),
                    version: $bind.interface_version.into(),
                }
            };
        }
        match pdu {
            Pdu::BindTransmitter(bind) => Some(bind!(Role::Transmitter, bind)),
            Pdu::BindReceiver(bind) => Some(bind!(Role::Receiver, bind)),
            Pdu::BindTransceiver(bind) => Some(bind!(Role::Transceiver, bind)),
            _ => None,
        }
    }

    /// Whether this ESME may bind.
    pub(super) fn check(&self, options: &CentreOptions) -> Result<(), CommandStatus> {
        if options.accounts.is_empty() {
            return Ok(());
        }
        match options.accounts.iter().find(|account| account.system_id() == self.system_id) {
            None => Err(CommandStatus::EsmeRbindfail),
            Some(account) if account.has_password(&self.password) => Ok(()),
            Some(_) => Err(CommandStatus::EsmeRinvpaswd),
        }
    }

    /// Whether the ESME knows optional parameters: those before 3.4 do not (SMPP 3.4 §3.4).
    pub(super) fn has_parameters(&self) -> bool {
        self.version >= VERSION_3_4
    }

    /// The answer to a good bind: with the highest version that both speak, when the ESME knows optional parameters.
    pub(super) fn answer(&self, options: &CentreOptions) -> Pdu {
        let version = if self.version >= VERSION_5_0 { InterfaceVersion::Smpp5_0 } else { InterfaceVersion::Smpp3_4 };
        let version = self.has_parameters().then_some(version);
        let system_id = COctetString::from_string(options.system_id.clone()).unwrap_or_default();
        match self.role {
            Role::Transmitter => BindTransmitterResp::new(system_id, version).into(),
            Role::Receiver => BindReceiverResp::new(system_id, version).into(),
            Role::Transceiver => BindTransceiverResp::new(system_id, version).into(),
        }
    }
}

/// Whether a command is a bind.
pub(super) fn is_bind(id: CommandId) -> bool {
    matches!(id, CommandId::BindTransmitter | CommandId::BindReceiver | CommandId::BindTransceiver)
}

const VERSION_3_4: u8 = 0x34;
const VERSION_5_0: u8 = 0x50;
