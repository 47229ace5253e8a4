//! What devices get: sets that are issued, refilled and pushed, and keys that are replaced, end to end over the device bearer
//! or the operators' API.

mod talk;

use std::sync::Arc;

use matchbook_protocol::{Delivery, Suite};
use matchbook_rules::Policy;
use matchbook_store::DEFAULT_MEMORY_MB;
use serde::Serialize;

use super::{Setting, hpke, tell};
use crate::load;
use crate::population::{Population, Tokens};
use crate::serve::Served;
use crate::site::{Ground, Nodes, Site};
use crate::stats::{Compared, Measured, ratio};
use crate::trouble::Result;

pub use talk::{Devices, SetTalk};

/// Devices that wait for their answer at once.
pub const WAITING: usize = 64;

/// What is done for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Its first 40 codes, sealed by the shared key.
    Issue,
    /// The same, sealed to its public key.
    IssuePublicKey,
    /// 40 codes for a device with 10, because it runs low.
    Refill,
    /// The same, because the operator pushes.
    Push,
    /// A new key, which the device asks for: two requests, with the new key in use after the second.
    Rotation,
}

/// All of it.
pub const WORKS: &[Work] = &[Work::Issue, Work::IssuePublicKey, Work::Refill, Work::Push, Work::Rotation];

impl Work {
    /// For tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue of 40 codes, shared key",
            Self::IssuePublicKey => "issue of 40 codes, public key",
            Self::Refill => "refill of 40 codes, 10 left",
            Self::Push => "push of 40 codes by the operator, 10 left",
            Self::Rotation => "key rotation, X25519",
        }
    }

    fn population(self, devices: u32) -> Result<Population> {
        let base = Population::of(devices)?;
        let policy = Policy { threshold: 10, ..base.policy.clone() };
        match self {
            Self::Issue => Ok(Population { codes: 0, policy, ..base }),
            Self::IssuePublicKey => {
                Population { codes: 0, policy, ..base }.enrolled_as(Suite::X25519, Delivery::PublicKey)
            }
            Self::Refill | Self::Push => Ok(Population { codes: 10, policy, ..base }),
            Self::Rotation => Ok(Population { codes: 40, policy, ..base }),
        }
    }

    const fn floor(self) -> Served {
        match self {
            Self::IssuePublicKey => Served::Sealing,
            Self::Issue | Self::Refill | Self::Push | Self::Rotation => Served::Empty,
        }
    }
}

/// One kind of work.
#[derive(Clone, Debug, Serialize)]
pub struct SetRow {
    /// The kind of site.
    pub site: &'static str,
    /// What was done.
    pub work: &'static str,
    /// Waiting at once.
    pub waiting: usize,
    /// The work, and the handler that takes the same requests and does nothing (for the public key: seals once).
    pub compared: Compared,
    /// Bare HPKE seals a second on all cores; 0 where nothing is sealed so.
    pub bare_seals_per_second: f64,
    /// Work by bare seals a second.
    pub bare_ratio: f64,
}

/// Measures a site.
///
/// # Errors
/// A server fails, or a device does not get what it asked for.
pub fn measure(setting: &Setting<'_>, site: Site) -> Result<Vec<SetRow>> {
    setting.scale.works(site).iter().map(|work| one(setting, site, *work)).collect()
}

fn one(setting: &Setting<'_>, site: Site, work: Work) -> Result<SetRow> {
    tell(&format!("{}: {}", site.name(), work.name()));
    let ground = Ground::prepare(setting, site, work.population(setting.scale.set_devices(site))?)?;
    let (nodes, floor) = (ground.start(DEFAULT_MEMORY_MB)?, Nodes::floor(&work.floor())?);
    let devices = Arc::new(Devices::of(&ground.population, work)?);
    let mut rounds = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..setting.scale.rounds {
        if work == Work::IssuePublicKey {
            bare.push(hpke::seals_per_second(setting)?);
        }
        let below = spell(setting, &ground.tokens, &floor, &devices.endless(), false)?;
        rounds.push((below, spell(setting, &ground.tokens, &nodes, &devices, true)?));
    }
    let compared = Compared::of(&rounds);
    let bare = crate::stats::median(&bare);
    Ok(SetRow {
        site: site.name(),
        work: work.name(),
        waiting: WAITING,
        bare_ratio: ratio(compared.subject.per_second, bare),
        bare_seals_per_second: bare,
        compared,
    })
}

fn spell(
    setting: &Setting<'_>,
    tokens: &Tokens,
    nodes: &Nodes,
    devices: &Arc<Devices>,
    is_subject: bool,
) -> Result<Measured> {
    let talks = (0..WAITING).map(|_| SetTalk::boxed(devices, tokens, is_subject));
    load::run(&nodes.target(), talks.collect(), setting.scale.spell)
}
