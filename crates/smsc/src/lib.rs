//! A simulated mobile network: an SMPP centre, mailboxes of phones, and modems, for tests and for trying things out.
//!
//! A short message's path through this crate: an ESME submits it to a [`Centre`]; the [`Network`] decides by its seed what
//! the radio does to it (`chance`); the `air` carries it until it is due; it lies in a mailbox until its [`Phone`] takes
//! it. The other way round, what a phone sends goes over the air to the `desk`, which hands it to the ESMEs that are
//! bound, in turn, until one of them answers that it has it. Receipts go the same way.
//!
//! Loss, duplication, reordering, delay and corruption happen on the radio, in both directions, and never between a
//! centre and an ESME. What happens to the n-th message of a number depends on the seed, the number and n alone: not on
//! the clock, nor on which thread was first.
//!
//! ```
//! use matchbook_protocol::sms::{Body, Segment};
//! use matchbook_smsc::{Centre, CentreOptions, Conditions, Network};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A network that doubles every message, and is otherwise perfect.
//! let network = Network::new(Conditions { seed: 7, duplication: 1.0, ..Conditions::default() });
//! let mut alice = network.phone("+491700000001".parse()?);
//! let bob = network.phone("+491700000002".parse()?);
//!
//! // ESMEs bind here; what phones send to numbers that are no phones goes to them.
//! let centre = Centre::start(network.clone(), "127.0.0.1:0".parse()?, CentreOptions::default()).await?;
//! println!("an SMPP centre listens on {}", centre.address());
//!
//! let segment = Segment { header: Vec::new(), body: Body::Text("hello".into()) };
//! bob.send(alice.number(), segment.clone()).await;
//! for _copy in 0..4 {
//!     let incoming = alice.receive().await;
//!     assert_eq!((&incoming.from, &incoming.segment), (bob.number(), &segment));
//! }
//! // Twice over the air, up from Bob and down to Alice: each of the first two copies was doubled again.
//! assert_eq!(network.counts().duplicated, 3);
//! centre.stop().await;
//! # Ok(())
//! # }
//! ```

mod air;
mod centre;
mod chance;
mod clock;
mod conditions;
mod counts;
mod desk;
mod mailbox;
pub mod modem;
mod network;
mod phone;
mod ticket;
mod user_data;

pub use centre::{Account, Centre, CentreOptions};
pub use conditions::{Conditions, ReceiptForm};
pub use counts::{Counts, NumberCounts};
pub use network::Network;
pub use phone::{Incoming, Phone};
